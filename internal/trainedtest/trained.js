// Writes the weights of the MobileNetV2 in nsfwjs, as TensorFlow.js decodes them, and what
// TensorFlow.js makes of some pictures with them, in plain JavaScript:
//
//	node trained.js FOLDER
//
// FOLDER/weights.safetensors has the layers before the head, with torchvision's names and layouts. FOLDER/oracle.safetensors
// has those of the head, "pictures", bytes in rows of red, green and blue, "features", what the last pooling makes of them, and
// "probabilities". Tests find both by ONEHOT_TRAINED, the folder's name.
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);
const tf = require("@tensorflow/tfjs");
// The package exports no files, but functions that load them.
const files = join(dirname(require.resolve("nsfwjs")), "../models/mobilenet_v2");
const modelJSON = require(join(files, "model.min.js"));
const weights = Buffer.from(require(join(files, "group1-shard1of1.min.js")), "base64");

await tf.setBackend("cpu");
const model = await tf.loadLayersModel({
	load: async () => ({
		modelTopology: modelJSON.modelTopology,
		weightSpecs: modelJSON.weightsManifest[0].weights,
		weightData: new Uint8Array(weights).buffer,
	}),
});

// A slope of colours, waves, and blocks drawn by chance: something for every layer to see.
const side = 224, pictures = new Uint8Array(3 * side * side * 3);
let state = 1;
const draw = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24;
const blocks = Array.from({ length: 14 * 14 * 3 }, draw);
const paint = [
	(y, x, c) => [x, y, 255 - x][c],
	(y, x, c) => 127 + 127 * Math.sin((x * (c + 1) + y * y / 60) / 9),
	(y, x, c) => blocks[((y >> 4) * 14 + (x >> 4)) * 3 + c],
];
for (let i = 0, n = 0; n < 3; n++)
	for (let y = 0; y < side; y++)
		for (let x = 0; x < side; x++)
			for (let c = 0; c < 3; c++) pictures[i++] = paint[n](y, x, c);

const both = tf.model({ inputs: model.inputs, outputs: [model.getLayer("flatten_1").output, model.outputs[0]] });
const input = tf.tensor4d(Float32Array.from(pictures), [3, side, side, 3]).div(255);
const [features, probabilities] = both.predict(input);

// ours returns torchvision's name of a tensor of Keras's.
function ours(name) {
	const [layer, kind] = name.split("/");
	const kinds = { kernel: "weight", depthwise_kernel: "weight", gamma: "weight", bias: "bias", beta: "bias", moving_mean: "running_mean", moving_variance: "running_var" };
	const layers = {
		Conv1: "features.0.0", bn_Conv1: "features.0.1", Conv_1: "features.18.0", Conv_1_bn: "features.18.1",
		expanded_conv_depthwise: "features.1.conv.0.0", expanded_conv_depthwise_BN: "features.1.conv.0.1",
		expanded_conv_project: "features.1.conv.1", expanded_conv_project_BN: "features.1.conv.2",
		dense_1: "classifier.0", dense_2: "classifier.3", dense_3: "classifier.6",
	};
	const parts = { expand: "0.0", expand_BN: "0.1", depthwise: "1.0", depthwise_BN: "1.1", project: "2", project_BN: "3" };
	const block = layer.match(/^block_(\d+)_(.*)$/);
	return `${block ? `features.${+block[1] + 1}.conv.${parts[block[2]]}` : layers[layer]}.${kinds[kind]}`;
}

// layout returns a tensor of Keras's as torchvision has it: filters (out, in, rows, columns), where Keras has (rows,
// columns, in, out), and depthwise (rows, columns, in, 1).
function layout(name, v) {
	if (name.endsWith("depthwise_kernel")) return v.transpose([2, 3, 0, 1]);
	return v.rank === 4 ? v.transpose([3, 2, 0, 1]) : v.rank === 2 ? v.transpose() : v;
}

const body = {}, oracle = { features, probabilities };
for (const layer of model.layers)
	for (const w of layer.weights) {
		const name = ours(w.originalName);
		(name.startsWith("features") ? body : oracle)[name] = layout(w.originalName, w.read());
	}
oracle.pictures = tf.tensor4d(pictures, [3, side, side, 3]);
write("weights.safetensors", body);
write("oracle.safetensors", oracle);
console.log(`probabilities ${probabilities.toString()}`);

// write writes tensors, those of the pictures as bytes.
function write(file, tensors) {
	const header = {}, data = [];
	let end = 0;
	for (const [name, v] of Object.entries(tensors)) {
		const values = name === "pictures" ? pictures : v.dataSync();
		header[name] = { dtype: name === "pictures" ? "U8" : "F32", shape: v.shape, data_offsets: [end, end += values.byteLength] };
		data.push(Buffer.from(values.buffer, values.byteOffset, values.byteLength));
	}
	const json = Buffer.from(JSON.stringify(header)), length = Buffer.alloc(8);
	length.writeBigUInt64LE(BigInt(json.length));
	writeFileSync(join(process.argv[2], file), Buffer.concat([length, json, ...data]));
}
