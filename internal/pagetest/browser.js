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
