// What the tests of pages share: a browser, and pictures.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

// launch starts the browser at a path. It returns it, and a function that opens a page at url in it,
// and with the page a function that checks that it has complained of nothing but what one of known
// matches, and asked nobody but those whose address begins with one of own.
export async function launch(executablePath, args = []) {
	const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", ...args] });
	const open = async (url, own, options = {}, known = []) => {
		const page = await browser.newPage({ viewport: { width: 1200, height: 900 }, ...options });
		const complaints = [], requests = [];
		page.on("console", message => { if (["error", "warning"].includes(message.type())) complaints.push(message.text()); });
		page.on("pageerror", error => complaints.push(String(error)));
		page.on("request", request => requests.push(request.url()));
		await page.goto(url);
		return {
			page, async close() {
				assert.deepEqual(complaints.filter(text => !known.some(pattern => pattern.test(text))), []);
				assert.ok(requests.length > 0);
				assert.deepEqual(requests.filter(url => ![...own, "data:"].some(start => url.startsWith(start))), []);
				await page.close();
			},
		};
	};
	return { browser, open };
}

// answers returns what the page says of its pictures, from the top: name, likeliest class and
// probability, or an error.
export async function answers(page, count) {
	await page.waitForFunction(count => {
		const cards = document.querySelectorAll("#cards > li");
		return cards.length === count && !document.querySelector("#cards [aria-busy]");
	}, count);
	return page.evaluate(() => [...document.querySelectorAll("#cards > li")].map(card => ({
		file: card.querySelector("h3 bdi").textContent,
		class: card.querySelector(".bars .name")?.textContent,
		probability: Number(card.querySelector(".bars .value")?.dataset.share),
		error: card.querySelector(".failure")?.textContent,
	})));
}

// drop lets go of files over the page.
export async function drop(page, files) {
	const transfer = await page.evaluateHandle(files => {
		const transfer = new DataTransfer();
		for (const { name, type, data } of files) transfer.items.add(new File([Uint8Array.from(atob(data), c => c.charCodeAt(0))], name, { type }));
		return transfer;
	}, files.map(({ name, mimeType, buffer }) => ({ name, type: mimeType, data: buffer.toString("base64") })));
	await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
}

// paste pastes the bytes of a BMP file.
export async function paste(page, file) {
	await page.evaluate(data => {
		const transfer = new DataTransfer();
		transfer.items.add(new File([Uint8Array.from(atob(data), c => c.charCodeAt(0))], "image.png", { type: "image/bmp" }));
		document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true }));
	}, file.toString("base64"));
}

// stroke draws a line over the sheet.
export async function stroke(page) {
	await page.locator("#sheet").scrollIntoViewIfNeeded();
	const box = await page.locator("#sheet").boundingBox();
	await page.mouse.move(box.x + 0.3 * box.width, box.y + 0.2 * box.height);
	await page.mouse.down();
	for (const [x, y] of [[0.7, 0.2], [0.7, 0.8], [0.3, 0.8], [0.3, 0.2]]) await page.mouse.move(box.x + x * box.width, box.y + y * box.height);
	await page.mouse.up();
	await page.locator("#drawn .bars").waitFor();
}

// bitmap returns a BMP file of a square of one colour with noise.
export function bitmap(side, [red, green, blue]) {
	const file = Buffer.alloc(54 + side * side * 4);
	file.write("BM");
	file.writeUInt32LE(file.length, 2);
	file.writeUInt32LE(54, 10); // where the pixels are
	file.writeUInt32LE(40, 14);
	file.writeInt32LE(side, 18);
	file.writeInt32LE(side, 22);
	file.writeUInt16LE(1, 26);
	file.writeUInt16LE(32, 28);
	for (let i = 0, chance = 1; i < side * side; i++) {
		chance = chance * 16807 % 2147483647;
		const noise = chance % 40;
		file.set([blue + noise, green + noise, red + noise, 255], 54 + 4 * i);
	}
	return file;
}
