// The tasks extension of 2026-07-28 (io.modelcontextprotocol/tasks): a call that becomes a task, which the client
// polls, answers and cancels.

import { Cancelled, RpcError } from './errors.mjs';
import { missingAbility } from './abilities.mjs';
import { answerRules } from './questions.mjs';

const POLL_TOLERANCE_MS = 5;
const OVER = ['completed', 'failed', 'cancelled'];

class Task {
  constructor(id, knobs, entry, changed) {
    Object.assign(this, { id, knobs, entry, changed });
    this.createdAt = new Date().toISOString();
    this.inputRequests = {}; // those that are not answered yet
    this.askedKeys = {}; // all that ever were: a key is never used again
    this.waiting = new Map(); // key -> what to do with its answer
    this.stop = new AbortController();
    this.set('working');
  }

  get isOver() {
    return OVER.includes(this.status);
  }

  set(status, more = {}) {
    if (this.isOver) return;
    this.status = status;
    Object.assign(this, more);
    this.lastUpdatedAt = new Date().toISOString();
    this.entry.statuses.push(status);
    this.changed(this);
  }

  // As the result that makes a task of a call has it.
  summary() {
    const { id, status, statusMessage, createdAt, lastUpdatedAt, knobs } = this;
    this.pollInterval = knobs.poll_interval;
    return {
      taskId: id,
      status,
      ...(statusMessage ? { statusMessage } : {}),
      createdAt,
      lastUpdatedAt,
      ttlMs: knobs.task_ttl,
      ...(knobs.poll_interval === null ? {} : { pollIntervalMs: knobs.poll_interval }),
    };
  }

  // As tasks/get and notifications/tasks have it.
  whole() {
    const more = {};
    if (this.status === 'completed') more.result = this.result;
    if (this.status === 'failed') more.error = this.error;
    if (this.status === 'input_required') more.inputRequests = this.inputRequests;
    return { ...this.summary(), ...more };
  }

  // The task's way to ask: waits for tasks/update.
  async askAll(requests) {
    const answers = {};
    const all = Object.entries(requests).map(([name, request]) => {
      const key = `${name}@${Object.keys(this.askedKeys).length + 1}`;
      this.inputRequests[key] = request;
      this.askedKeys[key] = request;
      return new Promise((resolve, reject) => {
        this.waiting.set(key, (answer) => {
          answers[name] = answer;
          resolve();
        });
        this.stop.signal.addEventListener('abort', () => reject(new Cancelled('the task was cancelled')));
      });
    });
    this.set('input_required');
    await Promise.all(all);
    return answers;
  }

  answer(key, value) {
    const resolve = this.waiting.get(key);
    delete this.inputRequests[key];
    this.waiting.delete(key);
    if (this.waiting.size === 0) this.set('working');
    resolve(value);
  }
}

export class Tasks {
  constructor(knobs, ledger, tell) {
    Object.assign(this, { knobs, ledger, tell });
    this.reset();
  }

  reset() {
    for (const task of this.all?.values() ?? []) task.stop.abort();
    this.all = new Map();
    this.last = 0;
  }

  becomesTask(name) {
    return name === 'task' || this.knobs.tasks.includes(name);
  }

  // Runs the tool in the background; gives the result that says so.
  start(name, context, run) {
    this.last += 1;
    const id = `täsk ${this.last}`; // has to be wrapped in Mcp-Name
    const entry = { tool: name, statuses: [], polls: 0, updates: 0, cancels: 0 };
    this.ledger.tasks[id] = entry;
    const task = new Task(id, this.knobs, entry, (changed) => {
      this.ledger.save();
      if (changed.createdAt && this.all.has(id)) this.tell('notifications/tasks', changed.whole());
    });
    this.all.set(id, task);
    task.lastSeen = Date.now();
    const summary = task.summary();
    const progress = (done, total) => {
      task.statusMessage = `step ${done} of ${total}`;
    };
    const askAll = (requests) => {
      for (const { method, params } of Object.values(requests)) {
        const missing = missingAbility(context.capabilities, method, params);
        if (missing)
          throw new RpcError(-32021, 'Missing required client capability', { requiredCapabilities: missing });
      }
      return task.askAll(requests);
    };
    run({ ...context, progress, askAll, notify: () => {}, signal: task.stop.signal }).then(
      (result) => task.set('completed', { result: { resultType: 'complete', ...result } }),
      (error) => {
        if (error instanceof Cancelled) return;
        task.set('failed', { error: { code: error.code ?? -32603, message: error.message, data: error.data } });
      },
    );
    return { resultType: 'task', ...summary };
  }

  find(message) {
    const task = this.all.get(message.params?.taskId);
    if (!task) throw new RpcError(-32602, 'there is no such task');
    return task;
  }

  // tasks/get; polls that come too soon are a violation.
  get(message) {
    const task = this.find(message);
    task.entry.polls += 1;
    const waited = Date.now() - task.lastSeen;
    if (!task.hurry && task.pollInterval !== null && waited < task.pollInterval - POLL_TOLERANCE_MS) {
      this.ledger.violation(`tasks/get came after ${waited} ms, pollIntervalMs is ${task.pollInterval}`);
    }
    task.lastSeen = Date.now();
    task.hurry = false;
    return task.whole();
  }

  update(message) {
    const task = this.find(message);
    task.entry.updates += 1;
    task.hurry = true; // whoever answered may look at once
    for (const [key, answer] of Object.entries(message.params.inputResponses ?? {})) {
      const request = task.askedKeys[key];
      if (!request) this.ledger.violation(`tasks/update: a key that was not asked: ${key}`);
      else if (!task.waiting.has(key)) this.ledger.violation(`tasks/update: ${key} was answered before`);
      else {
        this.ledger.asked.push({ id: key, method: request.method, where: 'task', answer: { result: answer } });
        const broken = answerRules('2026-07-28', request.method, request.params ?? {}, answer);
        broken.forEach((text) => this.ledger.violation(`tasks/update: ${text}`));
        task.answer(key, answer);
      }
    }
    return {};
  }

  cancel(message) {
    const task = this.find(message);
    task.entry.cancels += 1;
    task.hurry = true;
    if (this.knobs.task_cancel === 'heed' && !task.isOver) {
      task.set('cancelled');
      task.stop.abort();
    }
    return {};
  }
}
