// Runs the official conformance suite against souk, scenario by scenario, and judges more strictly than it does: it
// lets a client pass that never says a word in some scenarios, and does not look at the client's exit code in others.
//
//     node spec/tools/conformance.mjs [scenario]...      (make conformance; SCENARIO="tools_call sse-retry" chooses)
//
// LUAS="lua5.4 luajit" chooses the interpreters; one that is not there fails. What is run, and how many checks have to
// succeed at least, is in spec/conformance/scenarios.json; what the suite wrote is kept in build/conformance. Prints a
// line for each run, and "N passed, N failed". The gate is checked as well: with a client that does nothing every scenario has to fail, and
// every scenario that the package scores has to be in scenarios.json.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const TOP = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const NPM = process.env.SOUK_NPM ?? join(TOP, "build/npm/node_modules");
const SUITE = join(NPM, "@modelcontextprotocol/conformance/dist/index.js");
const OUT = join(TOP, "build/conformance");
const SCENARIOS = JSON.parse(readFileSync(join(TOP, "spec/conformance/scenarios.json"), "utf8"));
const SUITE_MS = 60_000; // the client is ended after 20 s, by client.sh
const AT_ONCE = 2;
const HARMLESS = new Set(["SUCCESS", "INFO", "SKIPPED"]);

const title = (row) => `${row.scenario} ${row.version}`;

const shorten = (text) => {
  const line = String(text).replace(/\s+/g, " ").trim();
  return line.length > 300 ? `${line.slice(0, 300)}...` : line;
};

// Runs a program in a process group of its own, which is ended as a whole when it takes too long.
function run(program, args, options) {
  return new Promise((done) => {
    const child = spawn(program, args, { ...options, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      process.kill(-child.pid, "SIGKILL");
    }, SUITE_MS);
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (bytes) => (output += bytes));
    }
    child.on("error", (error) => (output += error));
    child.on("close", (code) => {
      clearTimeout(timer);
      done({ code, late, output });
    });
  });
}

const readOr = (path, otherwise) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
};

// One scenario with one client. The command is split at spaces by the suite, so it is a name in its working directory.
async function suite(row, client) {
  const folder = join(OUT, client, `${row.scenario}-${row.version}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const exitFile = join(folder, "client.exit");
  const args = [SUITE, "client", "--command", `./client.sh ${client}`, "--scenario", row.scenario];
  const started = Date.now();
  const ended = await run(process.execPath, [...args, "--spec-version", row.version, "-o", folder], {
    cwd: join(TOP, "spec/conformance"),
    env: { ...process.env, SOUK_CLIENT_EXIT: exitFile },
  });
  const results = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const result = (name, otherwise) =>
    results.length === 1 ? readOr(join(folder, results[0].name, name), otherwise) : otherwise;
  return {
    ...ended,
    seconds: (Date.now() - started) / 1000,
    clientCode: readOr(exitFile, "").trim(),
    clientError: result("stderr.txt", ""),
    checks: JSON.parse(result("checks.json", "null")),
  };
}

const successes = (ran) => (ran.checks ?? []).filter((check) => check.status === "SUCCESS").length;

// What is wrong with the run; an empty list when nothing is.
function judge(row, ran) {
  const wrong = [];
  for (const check of ran.checks ?? []) {
    if (!HARMLESS.has(check.status)) {
      wrong.push(`${check.status} ${check.id}: ${shorten(check.errorMessage ?? check.description)}`);
    }
  }
  if (ran.checks === null) {
    wrong.push(`the suite wrote no checks: ${shorten(ran.output)}`);
  } else if (successes(ran) < row.successes) {
    wrong.push(`${successes(ran)} checks succeeded, of at least ${row.successes}`);
  }
  if (ran.clientCode !== "0") {
    wrong.push(`the client ended with '${ran.clientCode}': ${shorten(ran.clientError)}`);
  }
  if (ran.late) {
    wrong.push(`the suite did not end within ${SUITE_MS / 1000} s`);
  } else if (ran.code !== 0) {
    wrong.push(`the suite ended with ${ran.code}`);
  }
  return wrong;
}

let passed = 0;
let failed = 0;

function tell(what, wrong, seconds, remark) {
  if (wrong.length === 0) {
    passed += 1;
    console.log(`ok      ${what}: ${remark} (${seconds.toFixed(1)} s)`);
    return;
  }
  failed += 1;
  console.log(`FAILED  ${what}`);
  for (const line of wrong) {
    console.log(`            ${line}`);
  }
}

async function good(row, lua) {
  const ran = await suite(row, lua);
  tell(`${lua} ${title(row)}`, judge(row, ran), ran.seconds, `${successes(ran)} checks`);
}

// The gate has to find fault with a run of which the suite itself made no error, and for the reason that is looked for.
async function bad(row, client, clientCode, reason) {
  const ran = await suite(row, client);
  const wrong = [];
  if (ran.late || ran.checks === null || ran.clientCode !== clientCode) {
    wrong.push(`the run says nothing about the gate: ${shorten(ran.output)}`);
  } else if (!judge(row, ran).some((line) => reason.test(line))) {
    wrong.push("the gate finds no fault with it");
  }
  tell(`gate: '${client}' fails ${title(row)}`, wrong, ran.seconds, "it does");
}

// Several runs at once, but those that measure time have the machine to themselves.
async function all(jobs) {
  const together = jobs.filter((job) => !job.row.alone);
  const worker = async () => {
    while (together.length > 0) {
      await together.shift().start();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  for (const job of jobs.filter((job) => job.row.alone)) {
    await job.start();
  }
}

function interpreters() {
  const wanted = (process.env.LUAS ?? "lua5.4 luajit").split(" ").filter((word) => word !== "");
  return wanted.filter((lua) => {
    const here = spawnSync(lua, ["-v"]).status === 0;
    if (!here) {
      tell(lua, ["it is not here: make deps"]);
    }
    return here;
  });
}

// The client's scenarios that the package scores, by revision. Authorization is not souk's: it is given tokens.
function scored() {
  const { parse } = createRequire(join(NPM, "any.js"))("yaml");
  const folder = join(NPM, "@modelcontextprotocol/conformance/requirements");
  return readdirSync(folder).flatMap((file) => {
    const { client } = parse(readFileSync(join(folder, file), "utf8"));
    const version = file.replace(/\.yaml$/, "");
    return client.filter((name) => !name.startsWith("auth/")).map((scenario) => ({ scenario, version }));
  });
}

function everyScoredHasItsRow() {
  const wanted = scored().map(title);
  const rows = new Set(SCENARIOS.map(title));
  const wrong = wanted.filter((name) => !rows.has(name)).map((name) => `${name} has no row in scenarios.json`);
  for (const version of new Set(SCENARIOS.map((row) => row.version))) {
    if (!wanted.some((name) => name.endsWith(` ${version}`))) {
      wrong.push(`the package scores nothing at ${version}`);
    }
  }
  tell("gate: every scored scenario has its row", wrong, 0, `${wanted.length} scenarios`);
}

const names = process.argv.slice(2);
const rows = SCENARIOS.filter((row) => names.length === 0 || names.includes(row.scenario));
const luas = interpreters();
everyScoredHasItsRow();
const jobs = luas.flatMap((lua) => rows.map((row) => ({ row, start: () => good(row, lua) })));
const gate = rows.map((row) => ({
  row: { ...row, alone: false },
  start: () => bad(row, "true", "0", /checks succeeded, of at least/),
}));
// The suite allows this scenario's client to fail; the gate does not.
const tolerant = rows.find((row) => row.scenario === "http-invalid-tool-headers");
if (tolerant) {
  const start = () => bad(tolerant, "does-its-work-and-fails", "1", /^the client ended with '1'/);
  gate.push({ row: tolerant, start });
}
await all([...gate, ...jobs]);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && jobs.length > 0 ? 0 : 1;
