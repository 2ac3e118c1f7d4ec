// Asks a server for the same pictures in every way, by clients that others wrote: curl, Node's fetch,
// and @grpc/grpc-js with the messages of the protocol:
//
//	node clients.js ONEHOT PROTO PROBE
//
// with the program, inference.proto and grpc-health-probe. All answers are those of predict --json.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { deflateSync } from "node:zlib";
import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const [onehot, proto, probe] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "clients-"));
const side = 28;
let server;
try {
	const run = join(folder, "clothes");
	execFileSync(onehot, ["train", "--model", "mlp", "--epochs", "1", "--quiet", "--out", run], { stdio: ["ignore", "ignore", "inherit"] });
	server = spawn(onehot, ["serve", run, "--addr", "127.0.0.1:0", "--drain-delay", "0s"], { stdio: ["ignore", "ignore", "pipe"] });
	const exit = new Promise(resolve => server.on("exit", resolve));
	const address = await new Promise((resolve, reject) => {
		createInterface({ input: server.stderr }).on("line", line => {
			const found = /http:\/\/(127\.0\.0\.1:\d+)/.exec(line);
			if (found) resolve(found[1]);
		});
		exit.then(code => reject(new Error(`the server ended with ${code}`)));
	});
	for (let seed = 1; seed <= 5; seed++) await sameEverywhere(run, `http://${address}/`, address, noise(seed));
	console.log(`ok: the same in every way, at ${address}`);
	await health(address);
	console.log("ok: health");
	for (const name of ["", "inference.GRPCInferenceService"]) execFileSync(probe, ["-addr", address, "-service", name], { stdio: "ignore" });
	assert.throws(() => execFileSync(probe, ["-addr", address, "-service", "nothing"], { stdio: "ignore" }));
	console.log("ok: the probe");
	server.kill("SIGTERM");
	assert.equal(await exit, 0);
} finally {
	server?.kill("SIGKILL");
	rmSync(folder, { recursive: true });
}

// noise returns the grey pixels of a picture that a seed makes.
function noise(seed) {
	let chance = 7919 * seed;
	return Buffer.from(Array.from({ length: side * side }, () => (chance = chance * 16807 % 2147483647) % 256));
}

// png returns the file of a picture of grey pixels.
function png(pixels) {
	const table = Array.from({ length: 256 }, (_, n) => {
		for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ n >>> 1 : n >>> 1;
		return n;
	});
	const chunk = (kind, data) => {
		const out = Buffer.alloc(12 + data.length);
		out.writeUInt32BE(data.length, 0);
		out.write(kind, 4, "latin1");
		data.copy(out, 8);
		let crc = ~0;
		for (const byte of out.subarray(4, 8 + data.length)) crc = table[(crc ^ byte) & 0xff] ^ crc >>> 8;
		out.writeInt32BE(~crc, 8 + data.length);
		return out;
	};
	const header = Buffer.alloc(13);
	header.writeUInt32BE(side, 0);
	header.writeUInt32BE(side, 4);
	header[8] = 8; // bits, of grey
	const rows = Array.from({ length: side }, (_, y) => Buffer.concat([Buffer.from([0]), pixels.subarray(y * side, (y + 1) * side)]));
	return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", header), chunk("IDAT", deflateSync(Buffer.concat(rows))), chunk("IEND", Buffer.alloc(0))]);
}

async function sameEverywhere(run, url, address, pixels) {
	const file = join(folder, "picture.png"), data = png(pixels);
	writeFileSync(file, data);
	const { predictions } = JSON.parse(execFileSync(onehot, ["predict", run, file, "--json", "--top-k", "10"]));
	const { parameters: { classes } } = await (await fetch(url + "v2/models/clothes")).json();
	assert.equal(predictions.length, classes.length);

	// Pictures to /v1/classify: the answer is predict's to the letter.
	const classify = url + "v1/classify?model=clothes&top_k=10";
	for (const args of [["--data-binary", `@${file}`], ["-F", `image=@${file}`], ["-d", JSON.stringify({ image: data.toString("base64") }), "-H", "Content-Type: application/json"]]) {
		const answer = JSON.parse(execFileSync("curl", ["-sS", "--fail-with-body", ...args, classify]));
		assert.deepEqual(answer, { model: "clothes", predictions }, args[0]);
	}

	// Tensors to infer: the probabilities are float32, and predict's in that.
	const want = classes.map(name => Math.fround(predictions.find(p => p.class === name).probability));
	const same = (got, how) => assert.deepEqual([...got].map(Math.fround), want, how);
	const shape = [1, 1, side, side], floats = Float32Array.from(pixels, v => v / 255);
	const tensors = {
		"UINT8": { name: "input", datatype: "UINT8", shape, data: [...pixels] },
		"FP32": { name: "input", datatype: "FP32", shape, data: [...floats] },
		"image": { name: "image", datatype: "BYTES", shape: [1], data: [data.toString("base64")] },
	};
	const raw = { UINT8: pixels, FP32: Buffer.from(floats.buffer), image: Buffer.concat([length(data), data]) };
	const infer = url + "v2/models/clothes/infer";
	for (const [kind, input] of Object.entries(tensors)) {
		const ask = async (body, headers) => {
			const response = await fetch(infer, { method: "POST", body, headers });
			assert.equal(response.status, 200, kind);
			return response;
		};
		const outputs = [{ name: "probabilities" }, { name: "class" }];
		const answer = await (await ask(JSON.stringify({ id: "7", inputs: [input], outputs }), { "Content-Type": "application/json" })).json();
		assert.equal(answer.id, "7");
		same(answer.outputs[0].data, `${kind} as JSON`);
		assert.deepEqual(answer.outputs[1].data, [predictions[0].class]);

		const { data: _, ...binary } = input;
		const header = Buffer.from(JSON.stringify({ inputs: [{ ...binary, parameters: { binary_data_size: raw[kind].length } }], outputs, parameters: { binary_data_output: true } }));
		const response = await ask(Buffer.concat([header, raw[kind]]), { "Content-Type": "application/octet-stream", "Inference-Header-Content-Length": header.length });
		const bytes = Buffer.from(await response.arrayBuffer());
		const behind = bytes.subarray(Number(response.headers.get("Inference-Header-Content-Length")));
		same(numbers(behind.subarray(0, 4 * classes.length)), `${kind} as bytes`);
		assert.equal(behind.subarray(4 * classes.length + 4).toString(), predictions[0].class);
	}

	// The same over gRPC, as contents and as raw contents.
	const client = new (service("inference.GRPCInferenceService"))(address, grpc.credentials.createInsecure());
	const modelInfer = promisify(client.modelInfer.bind(client));
	const contents = { UINT8: { uint_contents: [...pixels] }, FP32: { fp32_contents: [...floats] }, image: { bytes_contents: [data] } };
	for (const [kind, { name, datatype, shape }] of Object.entries(tensors)) {
		const request = { model_name: "clothes", id: "8", outputs: [{ name: "probabilities" }] };
		for (const [how, asked] of [
			["contents", { ...request, inputs: [{ name, datatype, shape, contents: contents[kind] }] }],
			["raw contents", { ...request, inputs: [{ name, datatype, shape }], raw_input_contents: [raw[kind]] }],
		]) {
			const answer = await modelInfer(asked);
			assert.equal(answer.id, "8");
			const [output] = answer.outputs;
			same(answer.raw_output_contents.length ? numbers(answer.raw_output_contents[0]) : output.contents.fp32_contents, `${kind} over gRPC as ${how}`);
		}
	}
	const { inputs } = await promisify(client.modelMetadata.bind(client))({ name: "clothes" });
	assert.deepEqual(inputs.map(input => input.name), ["input", "image"]);
	await assert.rejects(modelInfer({ model_name: "nothing" }), { code: grpc.status.NOT_FOUND });
	await assert.rejects(modelInfer({ model_name: "clothes", inputs: [{ name: "input", datatype: "UINT8", shape: [1, 1, 2, 2], contents: { uint_contents: [1, 2, 3, 4] } }] }), { code: grpc.status.INVALID_ARGUMENT });
	client.close();
}

// health asks the methods of the protocol itself.
async function health(address) {
	const client = new (service("inference.GRPCInferenceService"))(address, grpc.credentials.createInsecure());
	assert.deepEqual(await promisify(client.serverLive.bind(client))({}), { live: true });
	assert.deepEqual(await promisify(client.serverReady.bind(client))({}), { ready: true });
	assert.deepEqual(await promisify(client.modelReady.bind(client))({ name: "clothes" }), { ready: true });
	client.close();
}

// service returns the class of clients of a service in the messages.
function service(name) {
	return name.split(".").reduce((at, part) => at[part], grpc.loadPackageDefinition(loadSync(proto, { keepCase: true, longs: Number, defaults: true })));
}

// length returns how many bytes there are as the protocol has it in front of each.
function length(bytes) {
	const out = Buffer.alloc(4);
	out.writeUInt32LE(bytes.length);
	return out;
}

// numbers returns the float32 in bytes.
function numbers(bytes) {
	return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
}
