// What onnxruntime makes of ONNX files.
// usage: node run.js < REQUESTS
// A request is a line of JSON: {"model": FILE, "type": "uint8" or "float32", "shape": [...], "data": FILE of the input's bytes}, or,
// of rows of a table, {"model": FILE, "columns": {NAME: [...]}}, texts or numbers, null for NaN.
// The answer is one too: {"inputs": [...], "outputs": {NAME: {"shape": [...], "data": [...]}}}, or {"error": "..."}.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import ort from 'onnxruntime-node';

const arrays = { uint8: Uint8Array, float32: Float32Array };

function input(request) {
  const bytes = readFileSync(request.data);
  const data = new arrays[request.type](bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  return new ort.Tensor(request.type, data, request.shape);
}

function columns(lists) {
  const feeds = {};
  for (const [name, list] of Object.entries(lists)) {
    const texts = typeof list[0] === 'string';
    feeds[name] = new ort.Tensor(texts ? 'string' : 'float32', texts ? list : Float32Array.from(list, (v) => v ?? NaN), [list.length, 1]);
  }
  return feeds;
}

let name, session;
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  try {
    if (request.model !== name) {
      await session?.release();
      session = await ort.InferenceSession.create(request.model, { intraOpNumThreads: 1, logSeverityLevel: 3 });
      name = request.model;
    }
    const answers = await session.run(request.columns ? columns(request.columns) : { [session.inputNames[0]]: input(request) });
    const outputs = {};
    for (const output of session.outputNames) {
      outputs[output] = { shape: answers[output].dims, data: Array.from(answers[output].data) };
    }
    console.log(JSON.stringify({ inputs: session.inputNames, outputs }));
  } catch (e) {
    console.log(JSON.stringify({ error: String(e) }));
  }
}
