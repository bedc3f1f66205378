// Listening to a modern server: subscriptions/listen, over HTTP and stdio.

import { Cancelled, RpcError, notification } from './errors.mjs';

const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';
const LISTS = {
  'notifications/tools/list_changed': 'toolsListChanged',
  'notifications/prompts/list_changed': 'promptsListChanged',
  'notifications/resources/list_changed': 'resourcesListChanged',
};

// What of the wish is honoured; with the knob "partial" only changes of tools.
function honoured(wish, style) {
  if (style === 'partial') return wish.toolsListChanged ? { toolsListChanged: true } : {};
  return wish;
}

function wants(filter, method, params) {
  if (method in LISTS) return filter[LISTS[method]] === true;
  if (method === 'notifications/resources/updated') return (filter.resourceSubscriptions ?? []).includes(params.uri);
  if (method === 'notifications/tasks') return (filter.taskIds ?? []).includes(params.taskId);
  return true; // what no filter knows: a specification wants to see what the client makes of it
}

export class Listeners {
  constructor(knobs, ledger) {
    this.knobs = knobs;
    this.ledger = ledger;
    this.open = new Set();
  }

  reset() {
    this.end('eof');
  }

  // Answers subscriptions/listen: says what is honoured, and comes back when the listening ends gracefully.
  listen(message, { notify, signal, hangUp }) {
    const { knobs, ledger } = this;
    if (knobs.listen === 'refuse') throw new RpcError(-32601, 'Method not found: subscriptions/listen');
    const filter = honoured(message.params.notifications ?? {}, knobs.listen);
    const entry = { id: message.id, notifications: message.params.notifications, state: 'open' };
    ledger.listens.push(entry);
    const tagged = (method, params) =>
      notify(notification(method, { ...params, _meta: { ...params?._meta, [SUBSCRIPTION]: message.id } }));
    return new Promise((resolve, reject) => {
      const end = (state, settle, value) => {
        if (!this.open.delete(listener)) return;
        entry.state = state;
        ledger.save();
        settle(value);
      };
      const listener = {
        filter,
        send: tagged,
        finish: (how) => {
          if (how === 'cancelled' || how === 'both')
            notify(notification('notifications/cancelled', { requestId: message.id }));
          if (how === 'eof' || how === 'cancelled') {
            end('ended', reject, new Cancelled('listening ended'));
            hangUp();
          } else end('ended', resolve, { _meta: { [SUBSCRIPTION]: message.id } });
        },
      };
      this.open.add(listener);
      signal.addEventListener('abort', () => end('closed', reject, new Cancelled('the client listens no more')));
      if (knobs.listen !== 'silent') tagged('notifications/subscriptions/acknowledged', { notifications: filter });
      ledger.save();
    });
  }

  // How many heard it.
  tell(method, params) {
    const hearers = [...this.open].filter(({ filter }) => wants(filter, method, params ?? {}));
    hearers.forEach((listener) => listener.send(method, params));
    return hearers.length;
  }

  // `how`: "result" (gracefully), "eof" (no word), "cancelled" (a notification and no result), "both".
  end(how = 'result') {
    const all = [...this.open];
    all.forEach((listener) => listener.finish(how));
    return all.length;
  }
}
