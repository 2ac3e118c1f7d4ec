// Nets that tests of pages train: one on a folder of coloured squares, and one on a table.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bitmap } from "./browser.js";

// Names of classes and files are markup, turn text around and break lines.
export const colours = { "<img src=x onerror='window.hostile=1'>": [190, 20, 20], "\u202eneerg": [20, 190, 20], blue: [20, 20, 190] };
export const shown = { "<img src=x onerror='window.hostile=1'>": "<img src=x onerror='window.hostile=1'>", "\u202eneerg": "\\u{202e}neerg", blue: "blue" };

// square returns a picture of a class, as a browser's form takes it.
export const square = kind => ({ name: `${kind}\n<b>.bmp`, mimeType: "image/bmp", buffer: bitmap(40, colours[kind]) });

// trainSquares trains a net on squares to squares in a folder.
export function trainSquares(onehot, folder, env) {
	const photos = join(folder, "photos");
	for (const [kind, colour] of Object.entries(colours)) {
		mkdirSync(join(photos, kind), { recursive: true });
		for (let i = 0; i < 20; i++) writeFileSync(join(photos, kind, `${i}.bmp`), bitmap(40, colour.map(c => c + i)));
	}
	execFileSync(onehot, ["train", photos, "--model", "softmax", "--epochs", "30", "--batch-size", "8", "--lr", "0.01", "--quiet", "--out", join(folder, "squares")], { env });
}

// trainTags trains a net that finds several labels of a row to tags in a folder.
export function trainTags(onehot, folder, env) {
	const rows = Array.from({ length: 80 }, (_, i) => `${i % 4},${[["", "<b>odd"], ["large", "<b>odd;large"]][i % 4 >> 1][i % 2]}`);
	writeFileSync(join(folder, "tags.csv"), ["number,tags", ...rows, ""].join("\n"));
	execFileSync(onehot, ["train", join(folder, "tags.csv"), "--label-column", "tags", "--label-separator", ";", "--quiet", "--out", join(folder, "tags")], { env, stdio: ["ignore", "ignore", "inherit"] });
}

// trainPeople trains a net on a table to people in a folder.
export function trainPeople(onehot, folder, env) {
	const table = Array.from({ length: 60 }, (_, i) => `${i % 2 ? 50 + i % 9 : 20 + i % 9},${i % 2 ? "red" : "<i>blue"},${i % 2 ? "<script>old" : "young"}`);
	writeFileSync(join(folder, "people.csv"), ["age,\"<b>colour</b>\",kind", ...table, ""].join("\n"));
	execFileSync(onehot, ["train", join(folder, "people.csv"), "--label-column", "kind", "--quiet", "--out", join(folder, "people")], { env, stdio: ["ignore", "ignore", "inherit"] });
}
