// The program that answers, and its model. They are loaded when the first question comes.
import { problem } from "./texts.js";
import "./wasm_exec.js"; // which makes Go

let started; // a promise of {functions, description}

// ask returns what the model takes, of "describe", and of "picture" and "row" what it says of an argument:
// {predictions, labels, milliseconds}.
export async function ask(what, argument) {
	started ??= start();
	let program;
	try {
		program = await started;
	} catch (error) {
		started = undefined; // the next question tries again
		throw error;
	}
	if (what === "describe") return program.description;
	const begun = performance.now();
	const answer = call(program.functions[what], argument);
	return { ...answer, milliseconds: performance.now() - begun };
}

async function start() {
	if (typeof WebAssembly === "undefined") throw problem("noWebAssembly");
	const [packed, model] = await Promise.all([get("program.wasm.gz"), get("model.safetensors")]);
	const go = new Go();
	let running;
	try {
		running = await WebAssembly.instantiate(await unpacked(packed), go.importObject);
	} catch (error) {
		throw problem("cannotRun", { reason: error.message });
	}
	go.run(running.instance); // until its functions wait
	const functions = globalThis.onehot;
	return { functions, description: call(functions.load, model, "badModel") };
}

// get returns the bytes of a file beside this one. The browser asks whether it has changed since.
async function get(name) {
	let response;
	try {
		response = await fetch(new URL(name, import.meta.url), { cache: "no-cache" });
		if (response.ok) return new Uint8Array(await response.arrayBuffer());
	} catch {
		throw problem("unreachable");
	}
	throw problem("missing", { file: name, status: response.status });
}

// unpacked returns the content of a gzip file. Some hosts have had it unpacked on the way.
async function unpacked(bytes) {
	if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
	return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

const kinds = { broken: "badPicture", large: "largePicture" }; // of errors

// call returns what a function of the program returns. Its error is said by a text, if it has one.
function call(f, argument, text) {
	let reply;
	try {
		reply = JSON.parse(f(argument));
	} catch { // it has ended, for want of memory
		started = undefined;
		throw problem("ended");
	}
	if (!reply.error) return reply.value;
	text ??= kinds[reply.kind];
	throw text ? problem(text, { reason: reply.error }) : new Error(reply.error);
}
