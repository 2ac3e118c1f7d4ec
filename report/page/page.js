"use strict";

// Everything here is on top of a page that says the same without it: values under the
// pointer, the pictures of a cell, and figures that move while training runs.

// start makes what is in the page now respond.
function start() {
	document.documentElement.classList.add("scripted");
	document.querySelectorAll(".chart").forEach(follow);
	const buttons = document.querySelectorAll(".matrix button");
	const data = document.getElementById("data");
	if (buttons.length && data) {
		choose([...buttons], JSON.parse(data.textContent));
	}
}

// follow shows the values at the pointer, or where the arrow keys have moved, under a chart.
function follow(chart) {
	const svg = chart.querySelector("svg");
	const output = chart.querySelector("output");
	const cursor = svg.querySelector(".cursor");
	const lines = [...svg.querySelectorAll("polyline[data-name]")].map(line => ({
		name: line.dataset.name,
		points: new Map(line.dataset.values.split(" ").map((value, i) => [+line.dataset.epochs.split(" ")[i], value])),
		at: line.getAttribute("points").split(" ").map(point => +point.split(",")[0]),
		epochs: line.dataset.epochs.split(" ").map(Number),
	}));
	if (!lines.length) return;
	const { at, epochs } = lines[0];
	const before = output.textContent;
	let current = -1;
	const show = i => {
		current = i;
		cursor.setAttribute("x1", at[i]);
		cursor.setAttribute("x2", at[i]);
		cursor.removeAttribute("visibility");
		const values = lines.filter(line => line.points.has(epochs[i])).map(line => `${line.name} ${line.points.get(epochs[i])}`);
		output.textContent = `epoch ${epochs[i]}: ${values.join(", ")}`;
	};
	const hide = () => {
		current = -1;
		cursor.setAttribute("visibility", "hidden");
		output.textContent = before;
	};
	svg.addEventListener("pointermove", event => {
		const x = (event.clientX - svg.getBoundingClientRect().left) * svg.viewBox.baseVal.width / svg.clientWidth;
		let nearest = 0;
		at.forEach((v, i) => { if (Math.abs(v - x) < Math.abs(at[nearest] - x)) nearest = i; });
		show(nearest);
	});
	svg.addEventListener("pointerleave", hide);
	svg.addEventListener("blur", hide);
	svg.addEventListener("keydown", event => {
		const last = at.length - 1;
		const to = { ArrowLeft: current < 0 ? last : Math.max(current - 1, 0), ArrowRight: Math.min(current + 1, last), Home: 0, End: last }[event.key];
		if (to === undefined) return;
		event.preventDefault();
		show(to);
	});
}

// choose shows a cell's pictures when its button is pressed. Of the buttons one is in the
// order of the tab key; the arrow keys move between them.
function choose(buttons, data) {
	const atlas = [...document.querySelectorAll(".atlas")];
	const title = document.getElementById("pictures-title");
	const gallery = document.getElementById("gallery");
	const cell = (row, column) => buttons.find(b => +b.dataset.true === row && +b.dataset.predicted === column);
	const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
	buttons.forEach((button, i) => {
		button.tabIndex = i ? -1 : 0;
		button.setAttribute("aria-pressed", "false");
		button.addEventListener("focus", () => {
			buttons.forEach(b => { b.tabIndex = b === button ? 0 : -1; });
		});
		button.addEventListener("keydown", event => {
			const step = steps[event.key];
			if (!step) return;
			event.preventDefault();
			let [row, column] = [+button.dataset.true, +button.dataset.predicted];
			for (let n = 0; n < data.classes.length; n++) { // over cells that count none
				row += step[0];
				column += step[1];
				const next = cell(row, column);
				if (next) return next.focus();
			}
		});
		button.addEventListener("click", () => {
			buttons.forEach(b => b.setAttribute("aria-pressed", String(b === button)));
			show(+button.dataset.true, +button.dataset.predicted, +button.dataset.count);
		});
	});

	async function show(label, predicted, count) {
		await Promise.all(atlas.map(strip => strip.decode()));
		const items = [];
		data.label.forEach((l, i) => {
			if (l === label && data.predicted[i] === predicted) items.push(picture(i));
		});
		const [is, said] = [data.classes[label], data.classes[predicted]];
		const what = label === predicted ? `${is}, rightly named` : `${is}, taken for ${said}`;
		const number = items.length === count ? `${count}` : `${items.length} of ${count}`;
		title.textContent = `${what}: ${number} ${count === 1 ? "picture" : "pictures"}`;
		gallery.replaceChildren(...items);
		title.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
	}

	function picture(i) {
		const canvas = document.createElement("canvas");
		canvas.width = data.width;
		canvas.height = data.height;
		const row = Math.floor(i / data.columns), strip = atlas[Math.floor(row / data.rows)];
		const x = i % data.columns * data.width, y = row % data.rows * data.height;
		canvas.getContext("2d").drawImage(strip, x, y, data.width, data.height, 0, 0, data.width, data.height);
		canvas.setAttribute("role", "img");
		const said = `${data.classes[data.predicted[i]]} (${data.confidence[i]} %)`;
		canvas.setAttribute("aria-label", `${data.of} picture ${data.index[i]}: ${data.classes[data.label[i]]}, said: ${said}`);
		canvas.title = data.files ? data.files[i] : `no. ${data.index[i]}`;
		const caption = document.createElement("span");
		caption.textContent = `${data.confidence[i]} %`;
		if (data.files) caption.append(Object.assign(document.createElement("small"), { textContent: data.files[i] }));
		const item = document.createElement("li");
		item.append(canvas, caption);
		return item;
	}
}

// watch follows the run that serves this page, until it ends.
function watch() {
	const events = new EventSource("events");
	const progress = () => document.getElementById("progress");
	events.addEventListener("step", event => { progress().textContent = JSON.parse(event.data); });
	events.addEventListener("curves", event => {
		document.getElementById("curves").innerHTML = JSON.parse(event.data);
		document.querySelectorAll("#curves .chart").forEach(follow);
	});
	events.addEventListener("end", event => {
		events.close();
		const page = JSON.parse(event.data);
		if (page.html) {
			const final = new DOMParser().parseFromString(page.html, "text/html");
			document.title = final.title;
			document.body.replaceWith(document.adoptNode(final.body));
			start();
		} else {
			progress().setAttribute("role", "status"); // the steps before would be too much to listen to
			progress().textContent = page.message;
		}
	});
	events.addEventListener("error", () => { progress().textContent = "The run cannot be reached any more."; });
}

start();
if ("live" in document.documentElement.dataset) watch();
