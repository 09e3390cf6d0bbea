// Makes the pass below pass/ again and again with passkit-generator, and prints how many it makes per second.
// Files are read once before; every pass is a new one, as a server makes them. Run by bench/delivery/peer.py.

import { readFileSync, readdirSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { PKPass } from "passkit-generator";

const members = {};
for (const entry of readdirSync("pass", { recursive: true, withFileTypes: true })) {
  if (entry.isFile()) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    members[relative("pass", path).split(sep).join("/")] = readFileSync(path);
  }
}
const certificates = {
  wwdr: readFileSync("intermediate.pem"),
  signerCert: readFileSync("leaf.pem"),
  signerKey: readFileSync("key.pem"),
};

const make = () => new PKPass({ ...members }, certificates).getAsBuffer();

make();
const seconds = Number(process.argv[2]);
const start = process.cpuUsage();
let made = 0;
let used = 0;
let bytes = 0;
while (used < seconds) {
  bytes = make().length;
  made += 1;
  const { user, system } = process.cpuUsage(start);
  used = (user + system) / 1e6;
}
console.log(JSON.stringify({ passes_per_second: made / used, bytes }));
