// Bundles what entry.mjs names into ../assets/three.min.js, headed by three.js's own licence.
import { build } from "esbuild";
import { readFile, writeFile } from "node:fs/promises";

const { devDependencies } = JSON.parse(await readFile("package.json", "utf8"));
const licence = await readFile("node_modules/three/LICENSE", "utf8");
await build({
  entryPoints: ["entry.mjs"],
  bundle: true,
  minify: true,
  target: "es2020",
  format: "iife",
  globalName: "THREE",
  legalComments: "inline",
  banner: { js: `/*\nthree.js ${devDependencies.three}, minified\n\n${licence.trim()}\n*/` },
  outfile: "../assets/three.min.js",
});
await writeFile("../assets/three-LICENSE.txt", licence);
