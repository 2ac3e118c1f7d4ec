// Writes the weights of the MobileNetV2 in nsfwjs, as TensorFlow.js decodes them, and what
// TensorFlow.js makes of some pictures with them, in plain JavaScript:
//
//	node trained.js trained.safetensors
//
// The weights have Keras's names and layouts. Beside them are "pictures", bytes in rows of red, green and blue,
// "features", what the last pooling makes of them, and "probabilities". The tests of model/zoo read the file, by the name in
// ONEHOT_TRAINED.
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

const tensors = [
	{ name: "pictures", dtype: "U8", shape: [3, side, side, 3], data: pictures },
	{ name: "features", dtype: "F32", shape: features.shape, data: features.dataSync() },
	{ name: "probabilities", dtype: "F32", shape: probabilities.shape, data: probabilities.dataSync() },
];
for (const layer of model.layers)
	for (const w of layer.weights) {
		const value = w.read();
		tensors.push({ name: w.originalName, dtype: "F32", shape: value.shape, data: value.dataSync() });
	}

const header = {};
let end = 0;
for (const t of tensors) header[t.name] = { dtype: t.dtype, shape: t.shape, data_offsets: [end, end += t.data.byteLength] };
const json = Buffer.from(JSON.stringify(header)), length = Buffer.alloc(8);
length.writeBigUInt64LE(BigInt(json.length));
writeFileSync(process.argv[2], Buffer.concat([length, json, ...tensors.map(t => Buffer.from(t.data.buffer, t.data.byteOffset, t.data.byteLength))]));
console.log(`${process.argv[2]}: ${tensors.length} tensors; probabilities ${probabilities.toString()}`);
