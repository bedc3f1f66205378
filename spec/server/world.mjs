// What a server has beside its transports: tools, resources, who listens, what was asked. One for all sessions.

import { Catalogue } from './catalogue.mjs';
import { notification } from './errors.mjs';
import { Listeners } from './listen.mjs';
import { Questions } from './questions.mjs';
import { Rounds } from './rounds.mjs';
import { Tasks } from './tasks.mjs';
import { Pairs } from './told.mjs';
import { Toolbox } from './tools.mjs';

export class World {
  constructor(knobs, ledger) {
    this.knobs = knobs;
    this.ledger = ledger;
    this.sessions = new Set(); // legacy
    this.tools = new Toolbox(knobs);
    this.catalogue = new Catalogue(knobs);
    this.questions = new Questions(knobs, ledger);
    this.unwanted = new Set(); // of ask_cancelled: what takes its questions back
    this.rounds = new Rounds(knobs, ledger);
    this.listeners = new Listeners(knobs, ledger);
    this.pairs = new Pairs();
    this.tasks = new Tasks(knobs, ledger, (method, params) => this.listeners.tell(method, params));
  }

  // As it was born. Sessions are the transport's.
  reset() {
    this.pairs = new Pairs();
    for (const part of ['tools', 'catalogue', 'questions', 'rounds', 'tasks', 'listeners']) this[part].reset();
  }

  // Sends a notification to everybody who listens: standing streams of legacy sessions, subscriptions of modern
  // clients. Gives how many there were.
  tell(method, params) {
    let heard = this.listeners.tell(method, params);
    for (const session of this.sessions) {
      const isWanted = method !== 'notifications/resources/updated' || session.subscriptions.has(params.uri);
      if (session.channel && isWanted) {
        session.channel.send(notification(method, params));
        heard += 1;
      }
    }
    this.ledger.told += heard;
    this.ledger.save();
    return heard;
  }

  setTools(changes) {
    this.tools.change(changes);
    return this.tell('notifications/tools/list_changed');
  }

  touch(uri) {
    this.catalogue.touch(uri);
    return this.tell('notifications/resources/updated', { uri });
  }

  endListening(how) {
    const ended = this.listeners.end(how);
    let closed = 0;
    for (const session of this.sessions) closed += session.channel?.hangUp?.() ? 1 : 0;
    return ended + closed;
  }

  endSession(session) {
    this.sessions.delete(session);
    this.questions.drop(session);
  }
}
