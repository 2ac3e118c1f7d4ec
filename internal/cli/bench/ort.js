// Runs a net in onnxruntime: a turn for each line of input, of which it prints the milliseconds of processor time and of the
// clock for a picture.
//
// usage: node -e "$(cat ort.js)" FILE.onnx BATCH THREADS SIZES
// in a folder where npm installed onnxruntime-node. SIZES are those of a picture: 3,224,224.
const ort = require("onnxruntime-node");
const [file, batch, threads, sizes] = process.argv.slice(1);
const turn = 200; // milliseconds that a turn takes at least

(async () => {
  const session = await ort.InferenceSession.create(file, {
    intraOpNumThreads: +threads, interOpNumThreads: 1, executionMode: "sequential", graphOptimizationLevel: "all",
  });
  const shape = [+batch, ...sizes.split(",").map(Number)];
  const pixels = new Float32Array(shape.reduce((a, b) => a * b)).map((_, i) => Math.sin(i * 12.9898));
  const input = { [session.inputNames[0]]: new ort.Tensor("float32", pixels, shape) };
  await session.run(input);
  for await (const _ of require("readline").createInterface({ input: process.stdin })) {
    const used = process.cpuUsage(), start = performance.now();
    let runs = 0;
    for (; performance.now() - start < turn; runs++) await session.run(input);
    const cpu = process.cpuUsage(used), wall = performance.now() - start, pictures = runs * batch;
    console.log((cpu.user + cpu.system) / 1000 / pictures, wall / pictures);
  }
})();
