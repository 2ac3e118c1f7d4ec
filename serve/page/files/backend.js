// What the page asks of the server that it comes from. A site without a server has a backend.js of
// its own in this one's place, with the same exports:
//
//	models()                 the names of the models, the first of which is chosen
//	describe(model)          {picture: {channels, height, width, ground}}, or of a table {columns: [{name,
//	                         number, values}]} with the values that are known, or {}
//	classify(model, file)    what a picture is, a Blob: {predictions: [{class, probability}], labels, milliseconds} with
//	                         all classes, the likeliest first; the labels that are predicted, of a model of several; and
//	                         the time to compute it, if that is known
//	classifyRow(model, row)  the same of a row: its values as texts, by column; "" of one that is missing
//	command(model, name)     a command that asks the same of a picture's file, or ""
//	commandRow(model, row)   the same of a row, or ""
//	api                      whether there is a page about the protocol
//
// They throw an Error whose message the page shows, or one that problem makes. A server's token is the browser's business: it asks
// for it, and sends it with every request.
import { problem } from "./texts.js";

const attempts = 5; // at a server that is busy
const longest = 5; // seconds between them, whatever the server says
const all = 1e6; // classes at most

export const api = true;

export async function models() {
	const index = await ask("v2/repository/index", { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } });
	return index.filter(model => model.state === "READY").map(model => model.name);
}

const classesOf = {}; // by model

export async function describe(model) {
	const { inputs, parameters = {} } = await ask(`v2/models/${encodeURIComponent(model)}`);
	classesOf[model] = parameters.classes;
	if (inputs[0].shape.length === 4) {
		const [, channels, height, width] = inputs[0].shape;
		return { picture: { channels, height, width, ground: parameters.ground } };
	}
	if (inputs.every(input => input.shape.length === 1)) {
		const { columns = [] } = parameters.preprocess?.find(step => step.type === "columns") ?? {};
		const known = new Map(columns.map(({ name, categories }) => [name, categories]));
		return { columns: inputs.map(({ name, datatype }) => ({ name, number: datatype !== "BYTES", values: known.get(name) ?? [] })) };
	}
	return {};
}

export async function classify(model, file) {
	return ask(`${picturePath(model)}&top_k=${all}`, { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" } });
}

export async function classifyRow(model, row) {
	const { outputs } = await ask(rowPath(model), { method: "POST", body: rowBody(row), headers: { "Content-Type": "application/json" } });
	const dataOf = name => outputs.find(output => output.name === name)?.data;
	const [list] = dataOf("labels") ?? [];
	return {
		predictions: dataOf("probabilities").map((probability, i) => ({ class: classesOf[model][i], probability })).sort((a, b) => b.probability - a.probability),
		labels: list && JSON.parse(list),
	};
}

export function command(model, name) {
	return curl(picturePath(model), `--data-binary ${quoted(`@${name || "picture.png"}`)}`);
}

export function commandRow(model, row) {
	return curl(rowPath(model), `--json ${quoted(rowBody(row))}`);
}

function picturePath(model) { return `v1/classify?model=${encodeURIComponent(model)}`; }

function rowPath(model) { return `v2/models/${encodeURIComponent(model)}/infer`; }

// rowBody returns a row as the protocol has it: an input a column. Numbers may be texts, as in a file.
function rowBody(row) {
	return JSON.stringify({ inputs: Object.entries(row).map(([name, value]) => ({ name, datatype: "BYTES", shape: [1], data: [value] })) });
}

function curl(path, data) {
	return `curl ${data} ${quoted(new URL(path, document.baseURI).href)}`;
}

// quoted returns a word as a shell takes it.
function quoted(word) { return `'${word.replaceAll("'", "'\\''")}'`; }

// ask returns the answer to a request. It asks a busy server again after as long as that says.
async function ask(path, options = {}) {
	for (let attempt = 1; ; attempt++) {
		const response = await fetch(path, options).catch(() => { throw problem("unreachable"); });
		const answer = await response.json().catch(() => ({}));
		if (response.ok) return answer;
		if (response.status === 503 && attempt < attempts) {
			const seconds = Math.min(Number(response.headers.get("Retry-After")) || 1, longest);
			await new Promise(resolve => setTimeout(resolve, 1000 * seconds));
			continue;
		}
		throw new Error(answer.error ?? `HTTP ${response.status}`);
	}
}
