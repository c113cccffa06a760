// Parses the diagrams of a folder with the parsers that people use: mermaid itself, Graphviz, an XML parser; and holds
// definitions against their JSON Schema.
// Prints one line for each that is refused; the last line says how many were read.
import fs from "node:fs";
import path from "node:path";
import { Graphviz } from "@hpcc-js/wasm-graphviz";
import Ajv from "ajv/dist/2020.js";
import { JSDOM } from "jsdom";

const dom = new JSDOM("<!DOCTYPE html><body></body>");
globalThis.window = dom.window;
globalThis.document = dom.window.document;
const { default: mermaid } = await import("mermaid");
const graphviz = await Graphviz.load();

const xml = (text) => {
  const read = new dom.window.DOMParser().parseFromString(text, "application/xml");
  const error = read.querySelector("parsererror");
  if (error) throw new Error(error.textContent);
};
const schema = JSON.parse(fs.readFileSync(process.argv[3], "utf8"));
const fits = new Ajv({ allowUnionTypes: true }).compile(schema);
const json = (text) => {
  if (!fits(JSON.parse(text))) throw new Error(JSON.stringify(fits.errors));
};
const parsers = {
  ".json": json,
  ".mmd": (text) => mermaid.parse(text),
  ".dot": (text) => graphviz.layout(text, "canon", "dot"),
  ".scxml": xml,
  ".svg": xml,
};

const folder = process.argv[2];
let count = 0;
for (const name of fs.readdirSync(folder)) {
  const parse = parsers[path.extname(name)];
  if (!parse) continue;
  try {
    await parse(fs.readFileSync(path.join(folder, name), "utf8"));
    count += 1;
  } catch (error) {
    console.log(`${name}: ${error.message}`);
  }
}
console.log(`${count} read`);
