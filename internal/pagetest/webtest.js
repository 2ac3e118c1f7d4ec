// Tests of the page that classifies in the browser, in headless Chromium:
//
//	node webtest.js ONEHOT CHROMIUM
//
// with the program and the browser. It trains three nets, exports a page of each, and serves their files as the
// simplest hosts do: under a path, and without a type for WebAssembly.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { answers, drop, launch, paste, stroke } from "./browser.js";
import { colours, shown, square, trainPeople, trainSquares, trainTags } from "./nets.js";

const [onehot, executablePath] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "webtest-"));
const env = { ...process.env, XDG_CACHE_HOME: join(folder, "cache") };
const kinds = Object.keys(colours);
const broken = [/^Failed to load resource/];

const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };

// policy is a strict Content-Security-Policy, but for what scripts may do.
const policy = scripts => `default-src 'none'; script-src 'self' ${scripts}; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'`;

// host serves the files of a folder. hosting may have headers by name of file, "" for all, status by name of file, whether
// files are sent gzipped, and contents by name of file.
async function host(dir, hosting = {}) {
	const base = "/a/deep path/";
	const server = createServer((request, response) => {
		const path = decodeURIComponent(new URL(request.url, "http://host").pathname);
		const name = path.slice(base.length) || "index.html";
		const file = join(dir, name);
		if (!path.startsWith(base) || hosting.status?.[name] || !existsSync(file)) {
			return response.writeHead(hosting.status?.[name] ?? 404).end();
		}
		let content = hosting.contents?.[name] ?? readFileSync(file);
		const headers = { "Content-Type": types[extname(name)] ?? "application/octet-stream", ...hosting.headers?.[name], ...hosting.headers?.[""] };
		if (hosting.gzips) [content, headers["Content-Encoding"]] = [gzipSync(content), "gzip"];
		response.writeHead(200, headers).end(content);
	});
	await new Promise(resolve => server.listen(0, "127.0.0.1", resolve));
	return { url: `http://127.0.0.1:${server.address().port}${encodeURI(base)}`, close: () => server.close() };
}

const { browser, open } = await launch(executablePath, ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]);

// visit opens the page of a net, runs a test with it and closes it. Of options some are hosting's, known are complaints that the
// browser may have, and prepare is called before the page is opened.
async function visit(net, test, { hosting, known, ...options } = {}) {
	const { url, close: stop } = await host(join(folder, net + "-site"), hosting);
	const { page, close } = await open(url, [url, "blob:"], options, known);
	await test(page, url);
	await close();
	stop();
}

// ready waits until the page has its model.
const ready = page => page.locator("#facts:not(:empty)").waitFor();

// failure returns what the page says when it has no model.
async function failure(page) {
	await page.locator("#failure:not(:empty)").waitFor();
	return page.locator("#failure").textContent();
}

// predict returns what the command says of a file: the probabilities by class.
function predict(net, file) {
	const said = JSON.parse(execFileSync(onehot, ["predict", join(folder, net), file, "--json", "--top-k", "100"], { env }));
	return new Map(said.predictions.map(({ class: name, probability }) => [name, probability]));
}

// shares returns all the classes of the first answer in an element, with their probabilities.
async function shares(result) {
	const more = result.locator("button.quiet");
	if (await more.count()) await more.click();
	return result.locator(".bars li").evaluateAll(items => items.map(item => [item.querySelector(".name").textContent, Number(item.querySelector(".value").dataset.share)]));
}

// same holds that a page says what the command says, to its printed digits.
function same(got, want) {
	assert.equal(got.length, want.size);
	for (const [name, probability] of want) {
		const printed = Object.entries(shown).find(([key]) => key === name)?.[1] ?? name;
		const found = got.find(([name]) => name === printed);
		assert.ok(found && Math.abs(found[1] - probability) < 1e-6 && found[1].toFixed(4) === probability.toFixed(4), `${printed}: ${found?.[1]}, ${probability} expected`);
	}
}

const tests = {
	// Pictures are what predict says they are, by all ways to give them to the page.
	async squares() {
		await visit("squares", async page => {
			await ready(page);
			assert.equal(page.workers().length, 1);
			assert.equal(await page.title(), "squares - onehot");
			await page.locator("#files").setInputFiles([square(kinds[0]), square(kinds[1]), { name: "text.png", mimeType: "image/png", buffer: Buffer.from("no picture") }, square(kinds[2])]);
			const got = await answers(page, 4);
			assert.deepEqual(got.map(a => a.class), [shown[kinds[0]], shown[kinds[1]], undefined, "blue"]);
			assert.match(got[2].error, /^The picture cannot be read: no picture: found "no picture"/);
			assert.equal(await page.locator("#status").textContent(), "3 of 4 classified, 1 not");
			assert.match(await page.locator(".took").first().textContent(), /^Computed in [0-9.]+ ms$/);
			for (const [i, kind] of [[0, kinds[0]], [1, kinds[1]], [3, kinds[2]]]) {
				writeFileSync(join(folder, "square.bmp"), square(kind).buffer);
				same(await shares(page.locator("#cards > li").nth(i)), predict("squares", join(folder, "square.bmp")));
			}
			await page.locator("#forget").click();
			await drop(page, [square("blue"), square(kinds[1])]);
			assert.deepEqual((await answers(page, 2)).map(a => a.class), ["blue", shown[kinds[1]]]);
			await paste(page, square("blue").buffer);
			assert.equal((await answers(page, 3))[0].class, "blue");
			await page.locator("#camera").click();
			await page.waitForFunction(() => document.getElementById("video").videoWidth > 0);
			await page.locator("#shoot").click();
			assert.ok((await answers(page, 4))[0].probability > 0);
			await page.locator("#close").click();
			for (const button of await page.locator(".why button").all()) await button.click();
			await page.waitForFunction(() => document.querySelectorAll(".map").length === 4);
			assert.equal(await page.evaluate(() => window.hostile), undefined);
			assert.equal(await page.locator("img[src=x], main b").count(), 0);
			assert.ok(!await page.locator("#api").isVisible());
			assert.equal(await page.locator(".command").count(), 0);
		});
	},

	// A drawing has the answer that predict has for its file.
	async drawing() {
		await visit("clothes", async page => {
			await ready(page);
			await stroke(page);
			const data = await page.locator("#sheet").evaluate(sheet => sheet.toDataURL());
			writeFileSync(join(folder, "drawing.png"), Buffer.from(data.split(",")[1], "base64"));
			same(await shares(page.locator("#drawn")), predict("clothes", join(folder, "drawing.png")));
			await page.locator("#drawn .why button").click();
			await page.locator("#drawn .map").waitFor();
		});
	},

	// A row too, and one with a value missing, and a text that is none of the values.
	async rows() {
		await visit("people", async page => {
			await ready(page);
			assert.deepEqual(await page.locator("#fields label").allTextContents(), ["age", "<b>colour</b>"]);
			assert.deepEqual(await page.getByLabel("<b>colour</b>").evaluate(input => [...input.list.options].map(option => option.value)), ["<i>blue", "red"]);
			for (const [i, [age, colour]] of [["53", "red"], ["", "red"], ["21.5", "green"]].entries()) {
				await page.getByLabel("age").fill(age);
				await page.getByLabel("<b>colour</b>").fill(colour);
				await page.keyboard.press("Enter");
				await answers(page, i + 1);
				writeFileSync(join(folder, "row.csv"), `age,"<b>colour</b>"\n${age},${colour}\n`);
				same(await shares(page.locator("#cards > li").first()), predict("people", join(folder, "row.csv")));
			}
		});
	},

	// A net of several labels says which it finds.
	async tags() {
		await visit("tags", async page => {
			await ready(page);
			for (const number of [0, 3]) {
				await page.getByLabel("number").fill(String(number));
				await page.keyboard.press("Enter");
				await page.locator(`#cards > li:first-child:has-text("number: ${number}") .bars`).waitFor();
				writeFileSync(join(folder, "row.csv"), `number\n${number}\n`);
				const { labels } = JSON.parse(execFileSync(onehot, ["predict", join(folder, "tags"), join(folder, "row.csv"), "--json"], { env }));
				assert.equal(await page.locator(".labels").first().textContent(), labels.length ? `Labels: ${labels.join(", ")}` : "No label reaches its threshold.");
				same(await shares(page.locator("#cards > li").first()), predict("tags", join(folder, "row.csv")));
			}
		});
	},

	// What the page cannot take it says, in both languages.
	async wrong() {
		const large = Buffer.from(square("blue").buffer);
		large.writeInt32LE(30000, 18);
		large.writeInt32LE(30000, 22);
		const files = [["empty.png", Buffer.alloc(0)], ["cut.bmp", square("blue").buffer.subarray(0, 100)], ["large.bmp", large]]
			.map(([name, buffer]) => ({ name, mimeType: "image/bmp", buffer }));
		for (const [locale, patterns] of [["en-US", [/^The picture cannot be read/, /^The picture cannot be read/, /^The picture is too large: found a bmp of 30000 by 30000 pixels/]],
			["zh-CN", [/^无法读取此图片：/, /^无法读取此图片：/, /^图片太大：/]]]) {
			await visit("squares", async page => {
				await ready(page);
				await drop(page, files);
				const got = await answers(page, 3);
				for (const [i, { error }] of got.entries()) assert.match(error, patterns[i]);
				await page.locator("#files").setInputFiles(square("blue"));
				assert.equal((await answers(page, 4))[0].class, "blue"); // it goes on
			}, { locale });
		}
	},

	// A site that lacks a file, or has a part of one, says so.
	async damaged() {
		const model = readFileSync(join(folder, "squares-site", "model.safetensors"));
		for (const [hosting, want] of [
			[{ status: { "model.safetensors": 404 } }, "The site does not give model.safetensors: HTTP 404."],
			[{ status: { "model.json": 500 } }, "The site does not give model.json: HTTP 500."],
			[{ status: { "program.wasm.gz": 403 } }, "The site does not give program.wasm.gz: HTTP 403."],
			[{ contents: { "model.safetensors": model.subarray(0, model.length / 2) } }, /^The model's file cannot be used: /],
			[{ contents: { "model.safetensors": Buffer.from("<!doctype html>") } }, /^The model's file cannot be used: /],
			[{ contents: { "wasm_exec.js": "delete globalThis.WebAssembly;" } }, "This page needs a browser with WebAssembly."],
			[{ headers: { "": { "Content-Security-Policy": policy("") } } }, /^This browser cannot run the program that classifies: .*Content Security Policy/],
			[{ contents: { "program.wasm.gz": gzipSync("no program") } }, /^This browser cannot run the program that classifies: /],
		]) {
			await visit("squares", async page => assert.match(await failure(page), want instanceof RegExp ? want : new RegExp(`^${want}$`)), { hosting, known: broken });
		}
	},

	// Hosts that gzip, that unpack what is packed, and that have a strict policy are as good. Without workers the page answers by itself.
	async hosts() {
		for (const hosting of [{ gzips: true }, { headers: { "program.wasm.gz": { "Content-Encoding": "gzip", "Content-Type": "application/wasm" } } },
			{ headers: { "": { "Content-Security-Policy": policy("'wasm-unsafe-eval'") } } }, { status: { "worker.js": 404 } }]) {
			await visit("squares", async page => {
				await ready(page);
				await page.locator("#files").setInputFiles(square("blue"));
				assert.equal((await answers(page, 1))[0].class, "blue");
				assert.equal(page.workers().length, hosting.status ? 0 : 1);
			}, { hosting, known: hosting.status && broken });
		}
	},

	// A program that ended is started again.
	async ended() {
		await visit("squares", async page => {
			await ready(page);
			await page.workers()[0].evaluate(() => { globalThis.onehot.picture = () => undefined; });
			await page.locator("#files").setInputFiles(square("blue"));
			assert.match((await answers(page, 1))[0].error, /^The program that classifies has ended/);
			await page.locator("#files").setInputFiles(square("blue"));
			assert.equal((await answers(page, 2))[0].class, "blue");
		});
	},

	// Opened as a file, the page says what it needs.
	async unserved() {
		const page = await browser.newPage();
		await page.goto(pathToFileURL(join(folder, "squares-site", "index.html")).href);
		await page.locator("#unserved").waitFor();
		assert.match(await page.locator("#unserved").innerText(), /python3 -m http\.server/);
		await page.close();
	},

	// A narrow screen shows all without a bar to scroll sideways, whatever the colours.
	async phone() {
		for (const [colorScheme, locale] of [["light", "en-US"], ["dark", "zh-CN"]]) {
			for (const net of ["clothes", "squares", "people"]) {
				await visit(net, async page => {
					await ready(page);
					if (net === "people") await page.locator("#columns button").click();
					else await page.locator("#files").setInputFiles([square("blue"), { name: "text.png", mimeType: "image/png", buffer: Buffer.from("no picture") }]);
					await answers(page, net === "people" ? 1 : 2);
					if (net === "clothes") await stroke(page);
					assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
					if (process.env.ONEHOT_SHOTS) await page.screenshot({ path: join(process.env.ONEHOT_SHOTS, `${net}-${colorScheme}.png`), fullPage: true });
				}, { viewport: { width: 360, height: 740 }, colorScheme, locale });
			}
		}
	},

	// What the page of a small net weighs, and how soon it answers, is printed.
	async figures() {
		const dir = join(folder, "clothes-site");
		const names = execFileSync("ls", [dir], { encoding: "utf8" }).trim().split("\n");
		const packed = names.map(name => gzipSync(readFileSync(join(dir, name)), { level: 9 }).length).reduce((a, b) => a + b);
		assert.ok(packed <= 2.5e6, `the page has ${packed} bytes gzipped, at most 2.5 MB expected`);
		const program = statSync(join(dir, "program.wasm.gz")).size;
		await visit("clothes", async page => {
			await page.reload({ waitUntil: "commit" });
			await page.waitForFunction(() => !document.getElementById("pictures")?.hidden);
			await page.locator("#files").setInputFiles(square("blue"));
			await answers(page, 1);
			console.log(`   ${packed} bytes gzipped, the program ${program}; first answer ${Math.round(await page.evaluate(() => performance.now()))} ms after opening, ${await page.locator(".took").textContent()}`);
		});
	},
};

try {
	trainSquares(onehot, folder, env);
	trainPeople(onehot, folder, env);
	trainTags(onehot, folder, env);
	execFileSync(onehot, ["train", "--model", "mlp", "--epochs", "1", "--quiet", "--out", join(folder, "clothes")], { env });
	for (const net of ["squares", "people", "tags", "clothes"]) {
		execFileSync(onehot, ["export", join(folder, net), "--web", join(folder, net + "-site")], { env });
	}
	for (const [name, test] of Object.entries(tests)) {
		await test();
		console.log(`ok: ${name}`);
	}
} finally {
	await browser.close();
	rmSync(folder, { recursive: true });
}
