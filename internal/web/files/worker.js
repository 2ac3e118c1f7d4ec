// Answers beside the page, which stays alive meanwhile.
import { ask } from "./program.js";

addEventListener("message", async ({ data: { number, what, argument } }) => {
	try {
		postMessage({ number, value: await ask(what, argument) });
	} catch ({ message, text, values }) {
		postMessage({ number, error: { message, text, values } });
	}
});
postMessage("ready");
