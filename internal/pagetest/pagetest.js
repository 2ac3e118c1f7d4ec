// Tests of report.html and of the live page in headless Chromium:
//
//	node pagetest.js ONEHOT CHROMIUM
//
// with the program and the browser. It trains runs on the embedded data and on a folder of
// pictures to have pages of.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { bitmap, launch } from "./browser.js";

const [onehot, executablePath] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "pagetest-"));
const { browser, open } = await launch(executablePath);
try {
	const run = join(folder, "run");
	execFileSync(onehot, ["train", "--epochs", "3", "--quiet", "--out", run]);
	const file = join(run, "report.html");
	assert.ok(statSync(file).size < 3e6, `report.html has ${statSync(file).size} bytes`);
	const report = pathToFileURL(file).href;
	for (const [name, test] of Object.entries({ cells, keyboard, hover, names, phone, withoutScript })) {
		await test(report);
		console.log(`ok: ${name}`);
	}
	await live();
	console.log("ok: live");
	await ownPictures();
	console.log("ok: ownPictures");
} finally {
	await browser.close();
	rmSync(folder, { recursive: true });
}

// cells clicks every cell of the confusion matrix: it shows as many pictures as it counts.
async function cells(url) {
	const { page, close } = await open(url, [url]);
	await page.locator(".matrix button").first().click();
	await page.locator("#gallery canvas").first().waitFor();
	const shown = await page.evaluate(async () => { // one call for all: the browser is far quicker than the way to it
		const out = [], title = document.getElementById("pictures-title");
		for (const button of document.querySelectorAll(".matrix button")) {
			title.textContent = "";
			button.click();
			while (!title.textContent) await new Promise(requestAnimationFrame);
			out.push([Number(button.textContent), document.querySelectorAll("#gallery canvas").length, title.textContent]);
		}
		return out;
	});
	let all = 0;
	for (const [count, pictures, title] of shown) {
		assert.equal(pictures, count, title);
		assert.ok(title.endsWith(count === 1 ? ": 1 picture" : `: ${count} pictures`), title);
		all += count;
	}
	assert.equal(all, 10000);
	// What is drawn is no empty square.
	const spread = await page.locator("#gallery canvas").first().evaluate(canvas => {
		const grey = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.filter((_, i) => i % 4 === 0);
		return Math.max(...grey) - Math.min(...grey);
	});
	assert.ok(spread > 100, `the first picture's greys are only ${spread} apart`);
	await close();
}

// keyboard goes through the page by the tab and arrow keys alone.
async function keyboard(url) {
	const { page, close } = await open(url, [url]);
	const controls = await page.locator("[tabindex='0'], summary, button:not([tabindex='-1'])").filter({ visible: true }).count();
	const reached = new Set();
	for (let i = 0; i < controls + 1; i++) {
		await page.keyboard.press("Tab");
		reached.add(await page.evaluate(() => {
			const at = document.activeElement;
			return at === document.body ? "" : at.tagName + (at.getAttribute("aria-label") ?? at.textContent);
		}));
	}
	reached.delete("");
	assert.equal(reached.size, controls, [...reached].join("; "));

	// Every cell can be come to from the first.
	const seen = new Set(["0"]), next = ["0"];
	const buttons = page.locator(".matrix button");
	for (let at; (at = next.pop()) !== undefined;) {
		for (const key of ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"]) {
			await buttons.nth(Number(at)).focus();
			await page.keyboard.press(key);
			const to = await page.evaluate(() => String([...document.querySelectorAll(".matrix button")].indexOf(document.activeElement)));
			if (!seen.has(to)) {
				seen.add(to);
				next.push(to);
			}
		}
	}
	assert.equal(seen.size, await buttons.count());
	await buttons.nth(1).focus();
	await page.keyboard.press("Enter");
	await page.locator("#gallery canvas").first().waitFor();

	const chart = page.locator(".chart").first();
	await chart.locator("svg").focus();
	await page.keyboard.press("Home");
	assert.match(await chart.locator("output").textContent(), /^epoch 1: test 0\.\d+, training 0\.\d+$/);
	await page.keyboard.press("ArrowRight");
	assert.match(await chart.locator("output").textContent(), /^epoch 2: /);
	await page.locator("summary").focus();
	await page.keyboard.press("Enter");
	assert.ok(await page.getByText("learning rate").first().isVisible());
	await close();
}

// hover shows a curve's values at the pointer.
async function hover(url) {
	const { page, close } = await open(url, [url]);
	const chart = page.locator(".chart").nth(1);
	const box = await chart.locator("svg").boundingBox();
	for (const [x, epoch] of [[0.42, 1], [0.69, 2], [0.95, 3]]) {
		await page.mouse.move(box.x + x * box.width, box.y + box.height / 2);
		assert.match(await chart.locator("output").textContent(), new RegExp(`^epoch ${epoch}: test \\d\\.\\d{4}, training \\d\\.\\d{4}$`));
	}
	await page.mouse.move(0, 0);
	assert.match(await chart.locator("output").textContent(), /^epoch \d has the best test accuracy: /);
	await close();
}

// names checks that pictures and controls say what they are.
async function names(url) {
	const { page, close } = await open(url, [url]);
	await page.locator(".matrix button").first().click();
	await page.locator("#gallery canvas").first().waitFor();
	const nameless = await page.evaluate(() => [...document.querySelectorAll("img:not(.atlas), canvas, button, svg[role=img], [role=region]")]
		.filter(e => !(e.getAttribute("alt") || e.getAttribute("aria-label"))).map(e => e.outerHTML));
	assert.deepEqual(nameless, []);
	assert.equal(await page.locator("h1").count(), 1);
	await close();
}

// phone holds that a narrow screen shows the page without a bar to scroll sideways and
// without words cut off, whatever the colours.
async function phone(url) {
	for (const colorScheme of ["light", "dark"]) {
		const { page, close } = await open(url, [url], { viewport: { width: 360, height: 740 }, colorScheme });
		await page.locator(".matrix button").first().click();
		await page.locator("#gallery canvas").first().waitFor();
		await page.locator("summary").click();
		assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
		const cut = await page.evaluate(() => [...document.querySelectorAll(".matrix th, .matrix th span, dd, dt, h1, h2, pre, figcaption")]
			.filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline").map(e => e.textContent));
		assert.deepEqual(cut, []);
		assert.ok(await page.evaluate(() => document.querySelector(".matrix").scrollWidth <= document.querySelector(".matrix").parentElement.clientWidth), "the matrix is wider than the screen");
		await close();
	}
}

// withoutScript reads the page in a browser that runs no scripts.
async function withoutScript(url) {
	const { page, close } = await open(url, [url], { javaScriptEnabled: false });
	assert.equal(await page.locator(".chart polyline[data-name]").count(), 4);
	assert.equal(await page.locator(".chart polyline.batch").count(), 1);
	assert.equal(await page.locator(".matrix tbody tr").count(), 10);
	assert.equal(await page.locator("section:has(#h-mistakes) img").count(), 30);
	assert.equal(await page.locator(".weights img").count(), 10);
	assert.ok(!await page.getByText("Choose a cell").isVisible());
	assert.ok(await page.locator("pre").getByText("onehot train fashion-mnist").isVisible());
	await close();
}

// live watches a run: every epoch is a new point, and the page becomes the report.
async function live() {
	const epochs = 3, run = join(folder, "live");
	const training = spawn(onehot, ["train", "--model", "mlp", "--hidden", "256", "--batch-size", "64", "--threads", "1",
		"--epochs", String(epochs), "--out", run, "--watch"], { stdio: ["ignore", "ignore", "pipe"] });
	try {
		const exit = new Promise(resolve => training.on("exit", resolve));
		const url = await new Promise((resolve, reject) => {
			createInterface({ input: training.stderr }).on("line", line => {
				const found = /http:\/\/127\.0\.0\.1:\d+\//.exec(line);
				if (found) resolve(found[0]);
			});
			exit.then(code => reject(new Error(`the run ended with ${code}`)));
		});
		const { page, close } = await open(url, [url]);
		const step = page.locator("#progress").getByText(/^epoch \d of 3: [\d,]+ of 60,000 samples, loss \d/);
		await step.waitFor();
		for (let n = 1; n <= epochs; n++) {
			await page.waitForFunction(n => document.querySelectorAll(".chart:first-child .dot.test").length === n, n, { polling: 20 });
		}
		await page.locator(".matrix button").first().waitFor();
		assert.equal(await page.locator("#progress").count(), 0);
		await page.locator(".matrix button").first().click();
		await page.locator("#gallery canvas").first().waitFor();
		assert.equal(await page.locator("#gallery canvas").count(), Number(await page.locator(".matrix button").first().textContent()));
		assert.equal(await exit, 0);
		await close();
	} finally {
		training.kill();
	}
}

// gallery chooses a cell and waits for its pictures.
async function gallery(page, button) {
	await page.evaluate(() => { document.getElementById("pictures-title").textContent = ""; });
	await button.click();
	await page.locator("#pictures-title:not(:empty)").waitFor();
}

// ownPictures trains on a folder of coloured squares. Names of files and of a class are markup,
// break lines, turn text around and are no UTF-8; the page shows them, and does nothing that they say.
async function ownPictures() {
	const colours = { "<b>red": [190, 20, 20], green: [20, 190, 20], blue: [20, 20, 190] };
	const hostile = ["<img src=x onerror='window.hostile=1'>", "\"><script>window.hostile=1<!--", "two\nlines", "\u202egnp", "{{.}}&amp;`${1}`%00"];
	const shown = ["<img src=x onerror='window.hostile=1'>.bmp", "\"><script>window.hostile=1<!--.bmp", "two\\nlines.bmp", "\\u202egnp.bmp", "{{.}}&amp;`${1}`%00.bmp"];
	const photos = join(folder, "photos");
	const save = (part, kind, name, colour) => {
		mkdirSync(join(photos, part, kind), { recursive: true });
		writeFileSync(Buffer.concat([Buffer.from(join(photos, part, kind) + "/"), Buffer.from(name), Buffer.from(".bmp")]), bitmap(20, colour));
	};
	for (const [kind, colour] of Object.entries(colours)) {
		for (let i = 0; i < 20; i++) save("train", kind, String(i), colour.map(c => c + i));
		for (const [i, name] of hostile.entries()) save("val", kind, name, colour.map(c => c + i));
	}
	save("val", "green", Buffer.from([0x63, 0x61, 0x66, 0xe9]), colours.green);
	save("val", "<b>red", "in truth blue", colours.blue);
	const run = join(folder, "own");
	execFileSync(onehot, ["train", photos, "--model", "softmax", "--epochs", "30", "--batch-size", "8", "--lr", "0.01", "--quiet", "--out", run],
		{ env: { ...process.env, XDG_CACHE_HOME: join(folder, "cache") } });
	const url = pathToFileURL(join(run, "report.html")).href;

	const { page, close } = await open(url, [url]);
	// Each cell's pictures have the names of their files.
	const found = new Set();
	for (const button of await page.locator(".matrix button").all()) {
		await gallery(page, button);
		const names = await page.locator("#gallery small").allTextContents();
		assert.equal(names.length, Number(await button.textContent()));
		names.forEach(name => found.add(name));
	}
	for (const kind of Object.keys(colours)) {
		for (const name of shown) {
			assert.ok([...found].some(text => text.includes(`val/${kind}/${name}`)), `val/${kind}/${name} is not among ${[...found].join(", ")}`);
		}
	}
	assert.ok([...found].some(text => text.includes("caf\\xe9.bmp")), [...found].join(", "));
	assert.equal(found.size, 3 * hostile.length + 2);
	// The thumbnails have their colours.
	await gallery(page, page.locator('.matrix button[aria-label$="of blue, rightly named"]'));
	const [red, green, blue] = await page.locator("#gallery canvas").first().evaluate(canvas =>
		canvas.getContext("2d").getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data);
	assert.ok(blue > 150 && red < 100 && green < 100, `a blue picture is shown as ${[red, green, blue]}`);
	// The picture that lies in the wrong folder is named by the path to open.
	const place = join(photos, "val", "<b>red", "in truth blue.bmp");
	for (const section of ["h-mistakes", "h-labels"]) {
		const item = page.locator(`section[aria-labelledby=${section}] li`);
		assert.equal(await item.count(), 1);
		assert.match(await page.locator(`section[aria-labelledby=${section}] p`).textContent(), /^The only validation picture (that|whose)/);
		assert.match(await item.textContent(), /^<b>red \([\d.]+\s%\) said: blue/);
		assert.equal(await item.locator("small").textContent(), section === "h-labels" ? place : "val/<b>red/in truth blue.bmp");
	}
	assert.equal(await page.evaluate(() => window.hostile), undefined);
	assert.equal(await page.locator("img[src=x], b:text-is('red')").count(), 0);
	await close();
	await names(url);
	await phone(url);
}
