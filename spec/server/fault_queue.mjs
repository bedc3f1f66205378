// Which fault strikes next: the first of the knob `faults` that fits, used up by it.

// Where nobody knows yet what is asked for: only who names them means them.
const EARLY = ['POST', 'connection', 'stdin'];

const wears = (input, wanted) => Object.entries(wanted).every(([name, value]) => input?.[name] === value);

function fits(fault, method, message, url) {
  const isMeant = fault.method === method || (fault.method === '*' && !EARLY.includes(method));
  if (!isMeant) return false;
  if (fault.url !== undefined && !(url ?? '').includes(fault.url)) return false;
  return fault.with === undefined || wears(message?.params?.arguments, fault.with);
}

// `method`: a JSON-RPC method, 'reply', 'GET', 'DELETE', 'POST' (before its body was read), 'connection', 'stdin'.
// Undefined: there is no fault for it.
export function takeFault(knobs, method, message, url) {
  const index = knobs.faults.findIndex((fault) => fits(fault, method, message, url));
  if (index < 0) return undefined;
  const fault = knobs.faults[index];
  if ((fault.after ?? 0) > 0) {
    fault.after -= 1;
    return undefined;
  }
  fault.times = (fault.times ?? 1) - 1;
  if (fault.times <= 0) knobs.faults.splice(index, 1);
  return fault;
}

// The faults of a child, which may end by them: what has struck is in the ledger, for the one that is started next.
export class ChildFaults {
  constructor(knobs, ledger) {
    this.knobs = knobs;
    this.ledger = ledger;
    knobs.faults = knobs.faults
      .map((fault, number) => ({ ...fault, number }))
      .filter(({ number }) => !ledger.struck.includes(number));
  }

  note(fault) {
    if (!fault) return undefined;
    this.ledger.struck.push(fault.number);
    this.ledger.save();
    return fault;
  }

  take(method, message) {
    return this.note(takeFault(this.knobs, method, message));
  }

  // Of a line of which so many bytes have come.
  takeOfStdin(size) {
    const { faults } = this.knobs;
    const index = faults.findIndex((fault) => fault.method === 'stdin' && size >= fault.at);
    return index < 0 ? undefined : this.note(faults.splice(index, 1)[0]);
  }
}
