// Tests of the page of a server in headless Chromium:
//
//	node servetest.js ONEHOT CHROMIUM
//
// with the program and the browser. It trains a net on the embedded data, one on a folder of
// coloured squares and one on a table, and serves them.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { answers, drop, launch, paste, stroke } from "./browser.js";
import { colours, shown, square, trainPeople, trainSquares, trainTags } from "./nets.js";

const [onehot, executablePath] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "servetest-"));
const env = { ...process.env, XDG_CACHE_HOME: join(folder, "cache") };
const { browser, open } = await launch(executablePath, ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]);

const refused = [/^Failed to load resource: the server responded with a status of 4\d\d/];

try {
	trainSquares(onehot, folder, env);
	execFileSync(onehot, ["train", "--epochs", "2", "--quiet", "--out", join(folder, "clothes")], { env });

	trainPeople(onehot, folder, env);
	trainTags(onehot, folder, env);

	await serving(["clothes=" + join(folder, "clothes"), "squares=" + join(folder, "squares"), "people=" + join(folder, "people"), "tags=" + join(folder, "tags")],
		{ several, dropped, pasted, drawn, keyboard, spoke, hostile, command, rows, tags, wrong, gone, camera, phone, languages, names, protocol });
	writeFileSync(join(folder, "token"), "open-sesame\n");
	await serving(["squares=" + join(folder, "squares"), "--token-file", join(folder, "token")], { token });
} finally {
	await browser.close();
	rmSync(folder, { recursive: true });
}

// serving runs tests with the address of a server that is started with args, and stops it.
async function serving(args, tests) {
	const server = spawn(onehot, ["serve", ...args, "--addr", "127.0.0.1:0", "--drain-delay", "0s"], { env, stdio: ["ignore", "pipe", "pipe"] });
	const exit = new Promise(resolve => server.on("exit", resolve));
	try {
		const url = await new Promise((resolve, reject) => {
			for (const stream of [server.stdout, server.stderr]) {
				createInterface({ input: stream }).on("line", line => {
					const found = /http:\/\/127\.0\.0\.1:\d+/.exec(line);
					if (found) resolve(found[0] + "/");
				});
			}
			exit.then(code => reject(new Error(`the server ended with ${code}`)));
		});
		for (const [name, test] of Object.entries(tests)) {
			await test(url, server, exit);
			console.log(`ok: ${name}`);
		}
		server.kill("SIGTERM");
		assert.equal(await exit, 0);
	} finally {
		server.kill("SIGKILL");
	}
}

// start opens the page, and chooses a model.
async function start(url, model, options, known) {
	const { page, close } = await open(url, [url, "blob:"], options, known);
	await page.locator("#choice").waitFor();
	await page.locator("#model").selectOption(model);
	await page.locator("#facts:not(:empty)").waitFor();
	await page.waitForFunction(model => document.title.startsWith(model), model);
	return { page, close };
}

// several chooses pictures and a file that is none: each has its answer, in their order, and the
// figures of predict.
async function several(url) {
	const { page, close } = await start(url, "squares", {}, refused);
	const kinds = Object.keys(colours);
	await page.locator("#files").setInputFiles([square(kinds[0]), square(kinds[1]), { name: "text.png", mimeType: "image/png", buffer: Buffer.from("no picture") }, square(kinds[2])]);
	const got = await answers(page, 4);
	assert.deepEqual(got.map(a => a.class), [shown[kinds[0]], shown[kinds[1]], undefined, "blue"]);
	assert.match(got[2].error, /PNG, JPEG/);
	assert.equal(await page.locator("#status").textContent(), "3 of 4 classified, 1 not");
	const file = join(folder, "blue.bmp");
	writeFileSync(file, square("blue").buffer);
	const said = JSON.parse(execFileSync(onehot, ["predict", join(folder, "squares"), file, "--json"], { env }));
	assert.equal(got[3].probability, said.predictions[0].probability);
	await page.locator("#forget").click();
	assert.equal(await page.locator("#cards > li").count(), 0);
	await close();
}

async function dropped(url) {
	const { page, close } = await start(url, "squares");
	await drop(page, [square("blue"), square("\u202eneerg")]);
	assert.deepEqual((await answers(page, 2)).map(a => a.class), ["blue", "\\u{202e}neerg"]);
	assert.equal(page.url(), url); // the browser has not left for the picture
	await close();
}

async function pasted(url) {
	const { page, close } = await start(url, "squares");
	await paste(page, square("blue").buffer);
	assert.equal((await answers(page, 1))[0].class, "blue");
	await close();
}

// drawn draws on a sheet that is there for the net of grey pictures alone.
async function drawn(url) {
	const { page, close } = await start(url, "clothes");
	await stroke(page);
	const shares = await page.locator("#drawn .value").evaluateAll(values => values.map(v => Number(v.dataset.share)));
	assert.equal(shares.length, 5);
	assert.ok(shares.every((v, i) => v >= 0 && v <= (shares[i - 1] ?? 1)), shares.join(" "));
	await page.getByText("All 10 classes").click();
	const all = await page.locator("#drawn .value").evaluateAll(values => values.map(v => Number(v.dataset.share)));
	assert.equal(all.length, 10);
	assert.ok(Math.abs(all.reduce((a, b) => a + b) - 1) < 1e-6);
	await page.locator("#clear").click();
	assert.equal(await page.locator("#drawn .bars").count(), 0);
	assert.ok(await page.locator("#sheet").evaluate(sheet => sheet.getContext("2d").getImageData(0, 0, 280, 280).data.every((v, i) => v === (i % 4 === 3 ? 255 : 0))));
	await page.locator("#model").selectOption("squares");
	await page.locator("#drawing").waitFor({ state: "hidden" });
	await close();
}

// keyboard reaches every control by the tab key, and draws.
async function keyboard(url) {
	const { page, close } = await start(url, "clothes");
	const controls = await page.locator("button, select, #sheet, a").filter({ visible: true }).count();
	const reached = new Set();
	for (let i = 0; i < controls + 1; i++) {
		await page.keyboard.press("Tab");
		reached.add(await page.evaluate(() => document.activeElement.id));
	}
	reached.delete("");
	assert.equal(reached.size, controls, [...reached].join(", "));
	await page.locator("#sheet").focus();
	for (const key of ["ArrowUp", " ", "ArrowUp", "ArrowUp", "ArrowRight", "ArrowRight", " "]) await page.keyboard.press(key);
	await page.locator("#drawn .bars").waitFor();
	const white = await page.locator("#sheet").evaluate(sheet => {
		const { data } = sheet.getContext("2d").getImageData(0, 0, sheet.width, sheet.height);
		const at = (x, y) => data[4 * (y * sheet.width + x)];
		return [at(140, 130), at(140, 110), at(160, 110), at(140, 180)];
	});
	assert.deepEqual(white, [255, 255, 255, 0]);
	await close();
}

// spoke asks what spoke for a class: of a linear net the squares that are not as the border is.
async function spoke(url) {
	const { page, close } = await start(url, "clothes");
	await stroke(page);
	await page.locator("#drawn .why button").click();
	await page.locator("#drawn .map").waitFor();
	// What is black inside the stroke is as the border: it says nothing, and has no colour.
	const [inside, on] = await page.locator("#drawn .map").evaluate(map => {
		const { data } = map.getContext("2d").getImageData(0, 0, map.width, map.height);
		const coloured = (x, y) => {
			const [r, g, b] = data.slice(4 * (Math.floor(y * map.height) * map.width + Math.floor(x * map.width)));
			return Math.max(r, g, b) - Math.min(r, g, b);
		};
		return [coloured(0.5, 0.5), Math.max(...[0.25, 0.35, 0.45, 0.55, 0.65, 0.75].flatMap(y => [coloured(0.3, y), coloured(0.7, y)]))];
	});
	assert.equal(inside, 0);
	assert.ok(on > 40, `the strongest colour on the stroke has a spread of ${on}`);
	const select = page.locator("#drawn .why select");
	assert.equal(await select.locator("option").count(), 10);
	const before = await page.locator("#drawn .map").evaluate(map => map.toDataURL());
	await select.selectOption({ index: 1 });
	assert.notEqual(await page.locator("#drawn .map").evaluate(map => map.toDataURL()), before);
	await close();
}

// hostile holds that names do nothing but stand there.
async function hostile(url) {
	const { page, close } = await start(url, "squares");
	await page.locator("#files").setInputFiles(Object.keys(colours).map(square));
	const got = await answers(page, 3);
	assert.deepEqual(got.map(a => a.file), Object.values(shown).map(name => `${name}\\u{a}<b>.bmp`));
	for (const button of await page.locator(".why button").all()) await button.click();
	await page.waitForFunction(() => document.querySelectorAll(".map").length === 3);
	assert.equal(await page.evaluate(() => window.hostile), undefined);
	assert.equal(await page.locator("img[src=x], main b").count(), 0);
	await close();
}

// command runs the line that the page shows: it has the page's answer.
async function command(url) {
	const { page, close } = await start(url, "squares");
	await page.locator("#files").setInputFiles({ ...square("blue"), name: "it's blue.bmp" });
	const [{ probability }] = await answers(page, 1);
	await page.locator(".command summary").click();
	const line = await page.locator(".command code").textContent();
	writeFileSync(join(folder, "it's blue.bmp"), square("blue").buffer);
	const said = JSON.parse(execFileSync("sh", ["-c", line], { cwd: folder, stdio: ["ignore", "pipe", "ignore"] }));
	assert.equal(said.predictions[0].probability, probability);
	await close();
}

// rows fills the form of a table, by its labels. The page says what predict says, and the command that it shows
// too.
async function rows(url) {
	const { page, close } = await start(url, "people", {}, refused);
	assert.deepEqual(await page.locator("#fields label").allTextContents(), ["age", "<b>colour</b>"]);
	assert.deepEqual(await page.getByLabel("<b>colour</b>").evaluate(input => [...input.list.options].map(option => option.value)), ["<i>blue", "red"]);
	assert.equal(await page.getByLabel("age").evaluate(input => input.list), null);
	await page.getByLabel("age").fill("53");
	await page.getByLabel("<b>colour</b>").fill("red");
	await page.keyboard.press("Enter");
	const [got] = await answers(page, 1);
	assert.equal(got.file, "age: 53, <b>colour</b>: red");
	assert.equal(got.class, "<script>old");
	await page.locator(".command summary").click();
	const { outputs } = JSON.parse(execFileSync("sh", ["-c", await page.locator(".command code").textContent()], { stdio: ["ignore", "pipe", "ignore"] }));
	assert.equal(Math.max(...outputs.find(output => output.name === "probabilities").data), got.probability);
	const file = join(folder, "row.csv");
	writeFileSync(file, "age,\"<b>colour</b>\"\n53,red\n");
	const said = JSON.parse(execFileSync(onehot, ["predict", join(folder, "people"), file, "--json"], { env }));
	assert.equal(said.predictions[0].class, got.class);
	assert.equal(Math.fround(said.predictions[0].probability), Math.fround(got.probability));
	await page.getByLabel("age").fill("");
	await page.keyboard.press("Enter");
	const [missing] = await answers(page, 2);
	assert.deepEqual([missing.file, missing.class, missing.error], ["<b>colour</b>: red", "<script>old", undefined]);
	await close();
}

// tags fills the form of a net of several labels, which says the labels that predict says.
async function tags(url) {
	const { page, close } = await start(url, "tags");
	await page.getByLabel("number").fill("3");
	await page.keyboard.press("Enter");
	await answers(page, 1);
	const file = join(folder, "tag.csv");
	writeFileSync(file, "number\n3\n");
	const { labels } = JSON.parse(execFileSync(onehot, ["predict", join(folder, "tags"), file, "--json"], { env }));
	assert.equal(await page.locator(".labels").textContent(), labels.length ? `Labels: ${labels.join(", ")}` : "No label reaches its threshold.");
	await close();
}

// wrong gives the page what it cannot take.
async function wrong(url) {
	const { page, close } = await start(url, "squares", {}, refused);
	await drop(page, [{ name: "empty.png", mimeType: "image/png", buffer: Buffer.alloc(0) }]);
	assert.ok((await answers(page, 1))[0].error);
	await drop(page, []);
	await page.locator("#files").setInputFiles({ name: "cut.bmp", mimeType: "image/bmp", buffer: square("blue").buffer.subarray(0, 100) });
	assert.ok((await answers(page, 2))[0].error);
	await close();
}

// gone asks a server that cannot be reached.
async function gone(url) {
	const { page, close } = await start(url, "squares", {}, [/^Failed to load resource: net::ERR_/]);
	await page.route("**/v1/classify*", route => route.abort());
	await page.locator("#files").setInputFiles(square("blue"));
	assert.equal((await answers(page, 1))[0].error, "The server cannot be reached, or it ended the connection.");
	await close();
}

// camera takes a picture.
async function camera(url) {
	const { page, close } = await start(url, "squares");
	await page.locator("#camera").click();
	await page.waitForFunction(() => document.getElementById("video").videoWidth > 0);
	await page.locator("#shoot").click();
	const [got] = await answers(page, 1);
	assert.equal(got.file, "camera.jpg");
	assert.ok(got.probability > 0);
	await page.locator("#close").click();
	assert.ok(!await page.locator("#viewfinder").isVisible());
	assert.equal(await page.evaluate(() => document.getElementById("video").srcObject), null);
	await close();
}

// phone holds that a narrow screen shows all without a bar to scroll sideways, whatever the colours.
async function phone(url) {
	for (const colorScheme of ["light", "dark"]) {
		const { page, close } = await start(url, "clothes", { viewport: { width: 360, height: 740 }, colorScheme, locale: colorScheme === "dark" ? "zh-CN" : "en-US" });
		await stroke(page);
		await page.locator("#model").selectOption("squares");
		await page.locator("#drawing").waitFor({ state: "hidden" });
		await page.locator("#files").setInputFiles(Object.keys(colours).map(square));
		await answers(page, 3);
		await page.locator("#cards .why button").first().click();
		await page.locator("#cards .map").waitFor();
		await page.locator("#cards .command summary").first().click();
		assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
		const cut = await page.evaluate(() => [...document.querySelectorAll("button, h1, h2, h3, p, .value, .name, code, label, option")]
			.filter(e => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline").map(e => e.textContent));
		assert.deepEqual(cut, []);
		const [ground, ink] = await page.evaluate(() => [getComputedStyle(document.documentElement).backgroundColor, getComputedStyle(document.body).color]
			.map(colour => Math.max(...colour.match(/\d+/g).map(Number))));
		assert.ok(colorScheme === "dark" ? ground < 60 && ink > 200 : ground > 200 && ink < 60, `${colorScheme}: ${ink} on ${ground}`);
		await close();
	}
}

// languages says everything in both, from the beginning and after a switch.
async function languages(url) {
	const { texts } = await import("data:text/javascript," + encodeURIComponent(await (await fetch(url + "texts.js")).text()));
	assert.deepEqual(Object.keys(texts.zh), Object.keys(texts.en));
	for (const key of Object.keys(texts.en)) {
		const places = text => (text.match(/\{\w+\}/g) ?? []).sort().join();
		assert.equal(places(texts.zh[key]), places(texts.en[key]), key);
	}
	const { page, close } = await start(url, "squares", { locale: "zh-CN" });
	assert.equal(await page.locator("html").getAttribute("lang"), "zh");
	assert.equal(await page.locator("h1").textContent(), texts.zh.title);
	await page.locator("#files").setInputFiles([square("blue"), square("blue")]);
	await answers(page, 2);
	assert.equal(await page.locator("#status").textContent(), "已分类 2 / 2");
	await page.locator("#language").click();
	assert.equal(await page.locator("h1").textContent(), texts.en.title);
	assert.equal(await page.locator("#status").textContent(), "2 of 2 classified");
	assert.equal(await page.locator(".why button").first().textContent(), texts.en.why);
	assert.ok(!/\p{Script=Han}/u.test((await page.locator("body").innerText()).replace(texts.zh.name, "")));
	await close();
}

// names checks that pictures and controls say what they are.
async function names(url) {
	const { page, close } = await start(url, "clothes");
	await stroke(page);
	await page.locator("#drawn .why button").click();
	await page.locator("#drawn .map").waitFor();
	const nameless = await page.evaluate(() => [...document.querySelectorAll("canvas, button, select, input:not([type=file])")]
		.filter(e => !(e.getAttribute("aria-label") || e.labels?.[0]?.textContent.trim() || e.textContent.trim())).map(e => e.outerHTML));
	assert.deepEqual(nameless, []);
	assert.equal(await page.locator("h1").count(), 1);
	await close();
}

// protocol opens the page of what the server answers.
async function protocol(url) {
	const { page, close } = await start(url, "squares");
	await page.locator("#api").click();
	await page.getByText("/v1/classify").first().waitFor();
	await page.setViewportSize({ width: 360, height: 740 });
	assert.deepEqual(await page.evaluate(() => [document.documentElement, ...document.querySelectorAll("table, pre, td")].filter(e => e.scrollWidth > 360).map(e => e.textContent)), []);
	await page.locator("a[href='openapi.yaml']").waitFor();
	await close();
}

// token is asked for by the browser, as a password.
async function token(url) {
	assert.equal((await fetch(url)).status, 401);
	const { page, close } = await start(url, "squares", { httpCredentials: { username: "", password: "open-sesame" } });
	await page.locator("#files").setInputFiles(square("blue"));
	assert.equal((await answers(page, 1))[0].class, "blue");
	await close();
}
