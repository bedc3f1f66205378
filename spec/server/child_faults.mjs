// Faults of a child process: lines that are cut or held back, and the end of the child in the middle of one.

const placeOf = (at, line) => ({ start: 0, body: line.length >> 1, end: line.length })[at] ?? Number(at);

const ends = {
  exit: () => process.exit(9),
  kill: () => process.kill(process.pid, 'SIGKILL'),
  // It lives on, and nobody hears it any more.
  close: () => process.stdout.destroy(),
};

// Writes the line as the fault says; what is written while it is held back comes behind it.
export function writeBent(fault, line) {
  const { stdout } = process;
  const bytes = Buffer.from(line);
  const at = placeOf(fault.at, bytes);
  stdout.write(bytes.subarray(0, at), () => {
    if (fault.kind === 'cut') return ends[fault.how ?? 'exit']();
    stdout.cork();
    stdout.write(bytes.subarray(at));
    if (fault.ms) setTimeout(() => stdout.uncork(), fault.ms);
    return undefined;
  });
}

export const isBend = (fault) => fault !== undefined && ['cut', 'stall'].includes(fault.kind);
