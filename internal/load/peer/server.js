// A server on onnxruntime in Node, to measure beside onehot serve: it answers what internal/load asks with
// -body binary, for a model of grey pictures that onehot export --onnx wrote.
//
//	ONNXRUNTIME_NODE_INSTALL=skip npm install
//	node server.js MODEL.onnx PORT [PROCESSES]
import cluster from "node:cluster";
import { createServer } from "node:http";
import { InferenceSession, Tensor } from "onnxruntime-node";

const [model, port, processes = "1"] = process.argv.slice(2);
if (cluster.isPrimary && Number(processes) > 1) {
	for (let i = 0; i < Number(processes); i++) cluster.fork();
} else {
	// A net of this size is slower on several threads.
	const session = await InferenceSession.create(model, { intraOpNumThreads: 1, interOpNumThreads: 1 });
	const metadata = JSON.stringify({ name: "mlp", inputs: [{ name: "input", datatype: "UINT8", shape: [-1, 1, 28, 28] }] });
	createServer((request, response) => {
		if (request.method === "GET") return response.end(metadata);
		const chunks = [];
		request.on("data", chunk => chunks.push(chunk));
		request.on("end", async () => {
			const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
			const length = Number(request.headers["inference-header-content-length"]);
			const { inputs: [{ shape: [n, , height, width] }] } = JSON.parse(body.toString("utf8", 0, length));
			const { probabilities } = await session.run({ input: new Tensor("uint8", body.subarray(length), [n, height, width, 1]) }, ["probabilities"]);
			const data = Buffer.from(probabilities.data.buffer, probabilities.data.byteOffset, probabilities.data.byteLength);
			const header = Buffer.from(JSON.stringify({ model_name: "mlp", id: "", outputs: [{ name: "probabilities", datatype: "FP32", shape: probabilities.dims, parameters: { binary_data_size: data.length } }] }));
			response.writeHead(200, { "Content-Type": "application/octet-stream", "Inference-Header-Content-Length": header.length, "Content-Length": header.length + data.length });
			response.end(Buffer.concat([header, data]));
		});
	}).listen(Number(port), "127.0.0.1");
}
