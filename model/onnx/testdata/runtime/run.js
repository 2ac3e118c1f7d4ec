// What onnxruntime makes of ONNX files.
// usage: node run.js < REQUESTS
// A request is a line of JSON: {"model": FILE, "type": "uint8" or "float32", "shape": [...], "data": FILE of the input's bytes}.
// The answer is one too: {"inputs": [...], "outputs": {NAME: {"shape": [...], "data": [...]}}}, or {"error": "..."}.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import ort from 'onnxruntime-node';

const arrays = { uint8: Uint8Array, float32: Float32Array };
let name, session;
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  try {
    if (request.model !== name) {
      await session?.release();
      session = await ort.InferenceSession.create(request.model, { intraOpNumThreads: 1, logSeverityLevel: 3 });
      name = request.model;
    }
    const bytes = readFileSync(request.data);
    const data = new arrays[request.type](bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    const answers = await session.run({ [session.inputNames[0]]: new ort.Tensor(request.type, data, request.shape) });
    const outputs = {};
    for (const output of session.outputNames) {
      outputs[output] = { shape: answers[output].dims, data: Array.from(answers[output].data) };
    }
    console.log(JSON.stringify({ inputs: session.inputNames, outputs }));
  } catch (e) {
    console.log(JSON.stringify({ error: String(e) }));
  }
}
