// What the page asks, answered by a program in the browser. The file of this name that a server's page has says
// what the exports are.
import { problem } from "./texts.js";

const most = 256 * 2 ** 20; // bytes of a picture's file, as the program has it

export const api = false;

let connection; // a promise of a function of a question and its argument

const ask = async (...question) => (await (connection ??= connect()))(...question);

export async function models() {
	let response;
	try {
		response = await fetch(new URL("model.json", import.meta.url), { cache: "no-cache" });
		if (response.ok) return [(await response.json()).name];
	} catch {
		throw problem("unreachable");
	}
	throw problem("missing", { file: "model.json", status: response.status });
}

export function describe() { return ask("describe"); }

export async function classify(model, file) {
	if (file.size > most) throw problem("largePicture", { reason: `found a file of ${file.size} bytes, at most ${most} expected` });
	let bytes;
	try {
		bytes = new Uint8Array(await file.arrayBuffer());
	} catch {
		throw problem("unreadable"); // a folder, or a file that is gone
	}
	return ask("picture", bytes);
}

export function classifyRow(model, row) { return ask("row", JSON.stringify(row)); }

export function command() { return ""; }

export function commandRow() { return ""; }

// connect returns what asks the program in a worker, or in the page itself if there can be no worker.
function connect() {
	return new Promise(resolve => {
		const inPage = () => resolve(import("./program.js").then(program => program.ask));
		let worker;
		try {
			worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
		} catch {
			return inPage();
		}
		worker.onerror = inPage; // it does not begin
		worker.onmessage = () => resolve(asking(worker)); // it is ready
	});
}

// asking returns what asks a worker.
function asking(worker) {
	const open = new Map(); // questions by number
	let count = 0;
	worker.onmessage = ({ data: { number, value, error } }) => {
		const { answer, fail } = open.get(number);
		open.delete(number);
		error ? fail(Object.assign(new Error(error.message), error)) : answer(value);
	};
	worker.onerror = () => { // it has ended
		worker.terminate();
		connection = undefined;
		for (const { fail } of open.values()) fail(problem("ended"));
	};
	return (what, argument) => new Promise((answer, fail) => {
		open.set(++count, { answer, fail });
		worker.postMessage({ number: count, what, argument }, argument?.buffer ? [argument.buffer] : []);
	});
}
