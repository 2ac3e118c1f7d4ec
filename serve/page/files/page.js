// The page on which anybody classifies pictures and rows. Whom it asks is the business of backend.js.
import * as backend from "./backend.js";
import { languages, problem, texts } from "./texts.js";

const most = 100; // results that are kept
const atOnce = 4; // questions that are open
const likeliest = 5; // classes that a result shows at first
const squares = { small: 14, large: 8 }; // a side is covered in so many parts to see what spoke for a class
const smallSide = 64; // pixels of a net's input
const patience = 10; // seconds that nobody is warned of

const $ = id => document.getElementById(id);

// make returns an element with properties and children; texts among these are only that.
function make(tag, properties = {}, ...children) {
	const element = Object.assign(document.createElement(tag), properties);
	element.append(...children);
	return element;
}

// printable returns a name with escapes for what would break lines or turn text around.
function printable(name) {
	return name.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, c => `\\u{${c.codePointAt(0).toString(16)}}`);
}

// ---- Languages

let language = navigator.language.startsWith("zh") ? "zh" : "en";

// say returns a text in the language, with values in the places of {names}.
function say(key, values = {}) {
	return texts[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// worded gives an element a text that is said again when the language changes.
function worded(element, key, values) {
	element.dataset.text = key;
	element.dataset.values = JSON.stringify(values ?? {});
	element.textContent = say(key, values);
	return element;
}

// unsaid takes an element's text away.
function unsaid(element) {
	element.textContent = "";
	delete element.dataset.text;
}

function speak() {
	document.documentElement.lang = language;
	for (const element of document.querySelectorAll("[data-text]")) {
		worded(element, element.dataset.text, JSON.parse(element.dataset.values ?? "{}"));
	}
	for (const element of document.querySelectorAll("[data-share]")) element.textContent = share(Number(element.dataset.share));
	$("sheet").setAttribute("aria-label", say("sheet"));
	const other = languages[(languages.indexOf(language) + 1) % languages.length];
	$("language").textContent = texts[other].name;
	$("language").lang = other;
	document.title = chosen ? `${printable(chosen)} - onehot` : "onehot";
}

$("language").addEventListener("click", () => {
	language = languages[(languages.indexOf(language) + 1) % languages.length];
	speak();
});

// share writes a probability.
function share(p) {
	if (p > 0 && p < 0.001) return `<${share(0.001)}`;
	return new Intl.NumberFormat(language, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(p);
}

// ---- Models

let chosen = ""; // the model's name
let model = {}; // what backend says about it
let choices = 0; // that were made

async function begin() {
	$("unserved").hidden = true;
	worded($("status"), "loading");
	try {
		const names = await backend.models();
		if (!names.length) throw problem("noModels");
		$("model").replaceChildren(...names.map(name => make("option", { value: name, textContent: printable(name) })));
		$("choice").hidden = false;
		await choose(names[0]);
	} catch (error) {
		fail(error);
	}
	unsaid($("status"));
}

async function choose(name) {
	const turn = ++choices;
	const described = await backend.describe(name);
	if (turn !== choices) return; // another one has been chosen since
	[chosen, model] = [name, described];
	$("model").value = name;
	$("pictures").hidden = !model.picture;
	$("row").hidden = !model.columns;
	if (model.picture) worded($("facts"), model.picture.channels === 1 ? "grey" : "colour", model.picture);
	else if (model.columns) worded($("facts"), "columns", { number: model.columns.length });
	else worded($("facts"), "neither");
	$("drawing").hidden = model.picture?.channels !== 1;
	if (!$("drawing").hidden) sheet.clear(model.picture.ground === "light");
	if (model.columns) form(model.columns);
	if (!model.picture) camera.close();
	$("failure").hidden = true;
	speak();
}

$("model").addEventListener("change", () => choose($("model").value).catch(fail));

function fail(error) {
	$("failure").hidden = false;
	reason($("failure"), error);
}

// reason gives an element the text of an error.
function reason(element, error) {
	unsaid(element);
	if (error.text) return worded(element, error.text, error.values && Object.fromEntries(Object.entries(error.values).map(([name, value]) => [name, printable(String(value))])));
	return Object.assign(element, { textContent: printable(error.message) });
}

// ---- Questions and answers

// limited returns a function that calls f, of which no more than so many are under way.
function limited(f) {
	let open = 0;
	const waiting = [];
	return async (...args) => {
		if (open === atOnce) await new Promise(resolve => waiting.push(resolve));
		else open++;
		try {
			return await f(...args);
		} finally {
			if (waiting.length) waiting.shift()();
			else open--;
		}
	};
}

const classify = limited(backend.classify);

// answer fills a result with what the model says, and with what stands beside that; when it fails, with
// why. It returns the predictions, or null.
async function answer(result, question, beside) {
	result.setAttribute("aria-busy", "true");
	try {
		const { predictions, labels, milliseconds } = await question();
		result.replaceChildren(...found(labels), bars(predictions), ...took(milliseconds), ...beside(predictions, milliseconds));
		return predictions;
	} catch (error) {
		result.replaceChildren(failure(error));
		return null;
	} finally {
		result.removeAttribute("aria-busy");
	}
}

function failure(error) { return reason(make("p", { className: "failure" }), error); }

// found says which labels are predicted, by a model of several.
function found(labels) {
	if (!labels) return [];
	const p = make("p", { className: "labels" });
	return [labels.length ? worded(p, "labels", { labels: labels.map(printable).join(", ") }) : worded(p, "noLabels")];
}

// took says how long an answer was computed, if that is known.
function took(milliseconds) {
	if (milliseconds === undefined) return [];
	const whole = milliseconds < 10 ? Math.max(0.1, Math.round(10 * milliseconds) / 10) : Math.round(milliseconds);
	return [worded(make("p", { className: "took" }), "took", { milliseconds: whole })];
}

// bars returns the likeliest classes as bars, and a button for the others.
function bars(predictions) {
	const list = make("ol", { className: "bars" });
	const rows = predictions.map(({ class: name, probability }) => {
		const value = make("span", { className: "value", textContent: share(probability) });
		value.dataset.share = probability;
		const bar = make("span", { className: "bar" }, make("i"));
		bar.firstChild.style.width = `${100 * probability}%`;
		return make("li", {}, make("bdi", { className: "name", textContent: printable(name), title: printable(name) }), bar, value);
	});
	list.append(...rows.slice(0, likeliest));
	const all = make("div", {}, list);
	if (rows.length > likeliest) {
		const more = worded(make("button", { type: "button", className: "quiet" }), "more", { number: rows.length });
		more.addEventListener("click", () => {
			list.append(...rows.slice(likeliest));
			more.remove();
		});
		all.append(more);
	}
	return all;
}

// copied returns a command that can be copied, folded up.
function copied(text) {
	if (!text) return [];
	const button = worded(make("button", { type: "button" }), "copy");
	const code = make("code", { textContent: text });
	button.addEventListener("click", async () => {
		try {
			await navigator.clipboard.writeText(text);
			worded(button, "copied");
		} catch { // the browser forbids it
			getSelection().selectAllChildren(code);
		}
	});
	return [make("details", { className: "command" }, worded(make("summary"), "command"), make("pre", {}, code), button)];
}

// card adds a result to the list, the newest first, and returns the place of the answer.
function card(name, preview) {
	const result = make("div", { className: "result" });
	const heading = make("h3", {}, make("bdi", { textContent: printable(name) }));
	if ($("model").length > 1) heading.append(" · ", make("bdi", { textContent: printable(chosen) }));
	$("cards").prepend(make("li", { className: preview ? "card" : "card bare" }, ...(preview ? [preview] : []), make("div", {}, heading, result)));
	while ($("cards").children.length > most) discard($("cards").lastChild);
	$("results").hidden = false;
	return result;
}

function discard(item) {
	for (const img of item.querySelectorAll("img")) URL.revokeObjectURL(img.src);
	item.remove();
}

$("forget").addEventListener("click", () => {
	[...$("cards").children].forEach(discard);
	$("results").hidden = true;
	unsaid($("status"));
	$("choose").focus();
});

// ---- Pictures

async function take(files) {
	if (!model.picture || !files.length) return;
	const [name, picture] = [chosen, model.picture];
	let [done, bad] = [0, 0];
	const count = () => {
		if (files.length > 1) worded($("status"), bad ? "doneBad" : "done", { done, all: files.length, bad });
	};
	const first = files.slice(0, most);
	// The first of the files is the first of the list.
	const places = first.toReversed().map(file => [file, card(file.name || say("pasted"), preview(file))]).reverse();
	await Promise.all(places.map(async ([file, result]) => {
		const predictions = await answer(result, () => classify(name, file), besidePicture(name, picture, file));
		predictions ? done++ : bad++;
		count();
		if (predictions && files.length === 1) {
			worded($("status"), "one", { name: printable(file.name || say("pasted")), class: printable(predictions[0].class), share: share(predictions[0].probability) });
		}
	}));
	if (files.length > most) worded($("status"), "tooMany", { most });
}

function preview(file) {
	const img = make("img", { className: "preview", alt: "", src: URL.createObjectURL(file) });
	img.addEventListener("error", () => img.replaceWith(worded(make("p", { className: "preview" }), "noPreview")));
	return img;
}

// besidePicture returns what makes that which stands beside the answer about a picture.
function besidePicture(name, picture, file) {
	return (predictions, milliseconds) => [why(name, picture, file, predictions, milliseconds), ...copied(backend.command(name, file.name))];
}

$("choose").addEventListener("click", () => $("files").click());
$("files").addEventListener("change", () => {
	take([...$("files").files]);
	$("files").value = ""; // the same file can be chosen again
});

addEventListener("paste", event => {
	const files = [...event.clipboardData.files];
	if (!files.length) return;
	event.preventDefault();
	take(files);
});

addEventListener("dragover", event => {
	event.preventDefault();
	$("drop").classList.add("over");
});
addEventListener("dragleave", event => {
	if (!event.relatedTarget) $("drop").classList.remove("over");
});
addEventListener("drop", event => {
	event.preventDefault(); // the browser would leave the page for the picture
	$("drop").classList.remove("over");
	take([...event.dataTransfer.files]);
});

// ---- What spoke for a class

// why returns a button that covers a picture square by square and asks again: what the net says less
// of a class without a square, that spoke for it.
function why(name, picture, file, predictions, milliseconds = 0) {
	const seconds = Math.round(milliseconds * squaresOf(picture) ** 2 / 1000);
	const button = worded(make("button", { type: "button" }), seconds < patience ? "why" : "whySlow", { seconds });
	const place = make("div", { className: "why" }, button);
	button.addEventListener("click", async () => {
		button.disabled = true;
		const progress = make("progress", { max: 1, value: 0 });
		place.append(progress);
		try {
			place.replaceChildren(...explained(await occlude(name, picture, file, part => { progress.value = part; }), predictions));
		} catch (error) {
			place.replaceChildren(button, error.name === "InvalidStateError" || error.name === "EncodingError" ? worded(make("p", { className: "failure" }), "noPreview") : failure(error));
			button.disabled = false;
		}
	});
	return place;
}

// occlude returns the picture as it was asked about, the squares that were covered, and for each class
// what each of them adds to its score.
async function occlude(name, { height, width }, file, progress) {
	const bitmap = await createImageBitmap(file);
	const net = Math.max(height, width);
	const scale = Math.min(1, (net <= smallSide ? 1 : 1.5) * net / Math.min(bitmap.width, bitmap.height), 2048 / Math.max(bitmap.width, bitmap.height));
	const plain = make("canvas", { width: Math.max(1, Math.round(scale * bitmap.width)), height: Math.max(1, Math.round(scale * bitmap.height)) });
	const context = plain.getContext("2d", { willReadFrequently: true });
	context.imageSmoothingQuality = "high";
	context.drawImage(bitmap, 0, 0, plain.width, plain.height);
	bitmap.close();
	const side = squaresOf({ height, width });
	const [columns, rows] = [Math.min(side, plain.width), Math.min(side, plain.height)];
	const cover = border(context.getImageData(0, 0, plain.width, plain.height));

	const box = i => {
		const [row, column] = [Math.floor(i / columns), i % columns];
		const [x, y] = [edge(column, columns, plain.width), edge(row, rows, plain.height)];
		return [x, y, edge(column + 1, columns, plain.width) - x, edge(row + 1, rows, plain.height) - y];
	};
	const boxes = Array.from({ length: rows * columns }, (_, i) => box(i));
	let done = 0;
	const without = limited(async (x, y, w, h) => {
		const canvas = make("canvas", { width: plain.width, height: plain.height });
		const c = canvas.getContext("2d");
		c.drawImage(plain, 0, 0);
		c.clearRect(x, y, w, h);
		c.fillStyle = cover;
		c.fillRect(x, y, w, h);
		const scores = await scored(name, canvas);
		progress(++done / boxes.length);
		return scores;
	});
	const whole = await scored(name, plain);
	const covered = await Promise.all(boxes.map(box => without(...box)));
	const added = new Map([...whole].map(([name, score]) => [name, covered.map(scores => score - scores.get(name))]));
	return { plain, boxes, added };
}

// squaresOf returns how many parts a side is covered in.
function squaresOf({ height, width }) { return Math.max(height, width) <= smallSide ? squares.small : squares.large; }

// edge returns where part k of so many of a length begins.
function edge(k, parts, length) { return Math.round(k * length / parts); }

// scored returns each class's score for the picture of a canvas: its logit less the mean of all, which of a linear net is a sum over
// pixels; where classes do not exclude each other, its logit.
async function scored(name, canvas) {
	const least = 1e-30;
	const { predictions } = await classify(name, await new Promise(resolve => canvas.toBlob(resolve)));
	const logs = predictions.map(({ probability }) => Math.log(Math.max(probability, least)));
	const sum = predictions.reduce((sum, { probability }) => sum + probability, 0);
	const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
	return new Map(predictions.map(({ class: name, probability }, i) => [name,
		logs[i] - (Math.abs(sum - 1) < 0.01 ? mean : Math.log(Math.max(1 - probability, least)))]));
}

// border returns the mean colour of a picture's border, which is what lies behind things in many.
function border({ data, width, height }) {
	const sums = [0, 0, 0, 0];
	let n = 0;
	for (let i = 0; i < width * height; i++) {
		const [x, y] = [i % width, Math.floor(i / width)];
		if (x > 0 && x < width - 1 && y > 0 && y < height - 1) continue;
		for (let k = 0; k < 4; k++) sums[k] += data[4 * i + k];
		n++;
	}
	const [red, green, blue, alpha] = sums.map(sum => sum / n);
	return `rgb(${red} ${green} ${blue} / ${alpha / 255})`;
}

// explained returns the map of a class, and a choice of the class.
function explained({ plain, boxes, added }, predictions) {
	const scale = Math.max(1, Math.round(280 / Math.max(plain.width, plain.height)));
	const canvas = make("canvas", { width: plain.width * scale, height: plain.height * scale, className: "map" });
	canvas.setAttribute("role", "img");
	const select = make("select", {}, ...predictions.slice(0, 2 * likeliest).map(({ class: name }) => make("option", { value: name, textContent: printable(name) })));
	const label = make("label", {}, worded(make("span"), "whyClass"), " ", select);
	const caption = make("p");
	const draw = () => {
		const parts = added.get(select.value);
		const extreme = Math.max(...parts.map(Math.abs));
		const c = canvas.getContext("2d");
		c.imageSmoothingEnabled = false;
		c.clearRect(0, 0, canvas.width, canvas.height);
		c.filter = "grayscale(1)";
		c.drawImage(plain, 0, 0, canvas.width, canvas.height);
		c.filter = "none";
		parts.forEach((part, i) => {
			c.fillStyle = `rgb(${part > 0 ? "240 130 0" : "0 120 220"} / ${extreme > 0 ? 0.8 * Math.abs(part) / extreme : 0})`;
			c.fillRect(...boxes[i].map(v => scale * v));
		});
		canvas.setAttribute("aria-label", say("map", { class: printable(select.value) }));
		worded(caption, "whyMeans", { extreme: extreme.toPrecision(2) });
	};
	select.addEventListener("change", draw);
	draw();
	return [canvas, make("div", {}, label, caption)];
}

// ---- Drawing

// sheet is what one draws on: with a pointer, or with the arrow keys and the space bar.
const sheet = (() => {
	const canvas = $("sheet"), context = canvas.getContext("2d");
	const step = 10, pen = 22;
	let light = false; // paper
	let at = null, down = false; // the pen
	let empty = true, turn = 0;
	let timer = 0;

	const clear = (paper = light) => {
		light = paper;
		context.fillStyle = light ? "#fff" : "#000";
		context.fillRect(0, 0, canvas.width, canvas.height);
		canvas.classList.toggle("light", light);
		[at, down, empty] = [null, false, true];
		turn++;
		clearTimeout(timer);
		worded($("drawn"), "drawHow");
	};
	const line = to => {
		context.strokeStyle = light ? "#000" : "#fff";
		context.lineWidth = pen;
		context.lineCap = context.lineJoin = "round";
		context.beginPath();
		context.moveTo(...(at ?? to));
		context.lineTo(...to);
		context.stroke();
		at = to;
		empty = false;
	};
	// ask waits until the pen rests, so that a stroke is one question.
	const ask = () => {
		clearTimeout(timer);
		if (empty) return;
		const now = ++turn;
		timer = setTimeout(async () => {
			const [name, picture] = [chosen, model.picture];
			const file = new File([await new Promise(resolve => canvas.toBlob(resolve))], "drawing.png", { type: "image/png" });
			const result = make("div", { className: "result" });
			await answer(result, () => classify(name, file), besidePicture(name, picture, file));
			if (now !== turn) return; // it has been drawn on since
			delete $("drawn").dataset.text;
			$("drawn").replaceChildren(result);
		}, 150);
	};
	const place = event => {
		const box = canvas.getBoundingClientRect();
		return [(event.clientX - box.left) * canvas.width / box.width, (event.clientY - box.top) * canvas.height / box.height];
	};
	canvas.addEventListener("pointerdown", event => {
		if (event.button) return;
		canvas.setPointerCapture(event.pointerId);
		[at, down] = [null, true];
		line(place(event));
	});
	canvas.addEventListener("pointermove", event => {
		if (!down || !event.buttons) return;
		for (const e of event.getCoalescedEvents?.() ?? [event]) line(place(e));
	});
	for (const end of ["pointerup", "pointercancel"]) {
		canvas.addEventListener(end, () => {
			down = false;
			ask();
		});
	}
	canvas.addEventListener("keydown", event => {
		const move = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
		const from = at ?? [canvas.width / 2, canvas.height / 2];
		if (event.key === " ") {
			down = !down;
			if (down) line(from);
			else ask();
		} else if (move) {
			const to = from.map((v, i) => Math.min(Math.max(v + move[i], 0), canvas.width));
			if (down) line(to);
			else at = to;
			ask();
		} else return;
		event.preventDefault();
	});
	$("clear").addEventListener("click", () => clear());
	$("swap").addEventListener("click", () => clear(!light));
	return { clear };
})();

// ---- Camera

const camera = (() => {
	const video = $("video");
	let stream = null;
	const close = () => {
		stream?.getTracks().forEach(track => track.stop());
		stream = video.srcObject = null;
		$("viewfinder").hidden = true;
	};
	if (navigator.mediaDevices?.getUserMedia) { // browsers have it on localhost and over https
		$("camera").hidden = false;
	}
	$("camera").addEventListener("click", async () => {
		if (stream) return;
		try {
			stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
		} catch {
			worded($("status"), "noCamera");
			return;
		}
		video.srcObject = stream;
		$("viewfinder").hidden = false;
		await video.play();
		$("shoot").focus();
	});
	$("shoot").addEventListener("click", async () => {
		const canvas = make("canvas", { width: video.videoWidth, height: video.videoHeight });
		if (!canvas.width) return; // no picture yet
		canvas.getContext("2d").drawImage(video, 0, 0);
		const blob = await new Promise(resolve => canvas.toBlob(resolve, "image/jpeg", 0.95));
		take([new File([blob], "camera.jpg", { type: blob.type })]);
	});
	$("close").addEventListener("click", () => {
		close();
		$("camera").focus();
	});
	return { close };
})();

// ---- Rows

// form asks for the columns of a table.
function form(columns) {
	$("fields").replaceChildren(...columns.map(({ name, number, values }, i) => {
		const id = `column-${i}`;
		const input = make("input", { id, type: number ? "number" : "text", step: "any", autocomplete: "off" });
		const list = make("datalist", { id: `${id}-values` }, ...values.map(value => make("option", { value })));
		if (values.length) input.setAttribute("list", list.id);
		return make("div", {}, make("label", { htmlFor: id }, make("bdi", { textContent: printable(name) })), input, list);
	}));
}

$("columns").addEventListener("submit", async event => {
	event.preventDefault();
	const row = Object.fromEntries(model.columns.map(({ name }, i) => [name, $(`column-${i}`).value]));
	const name = chosen;
	const given = Object.entries(row).filter(([, value]) => value !== "");
	const result = card(given.map(pair => pair.join(": ")).join(", ") || say("emptyRow"));
	const predictions = await answer(result, () => backend.classifyRow(name, row), () => copied(backend.commandRow(name, row)));
	if (predictions) worded($("status"), "oneRow", { class: printable(predictions[0].class), share: share(predictions[0].probability) });
});

$("api").hidden = !backend.api;
speak();
begin();
