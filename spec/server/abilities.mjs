// What a client declared that it can do, and what a question needs.

const TASKS = 'io.modelcontextprotocol/tasks';

const needs = {
  'roots/list': () => ({ roots: {} }),
  'sampling/createMessage': () => ({ sampling: {} }),
  'elicitation/create': (params) => ({ elicitation: { [params.mode === 'url' ? 'url' : 'form']: {} } }),
};

// An elicitation capability without modes means forms.
function has(capabilities, [[name, modes]]) {
  const declared = capabilities?.[name];
  if (declared === undefined) return false;
  const mode = Object.keys(modes)[0];
  if (mode === undefined) return true;
  return mode in declared || (mode === 'form' && !('url' in declared));
}

// The capability that is missing for a question, as an object of client capabilities; undefined when none is.
export function missingAbility(capabilities, method, params) {
  const wanted = needs[method]?.(params ?? {});
  return wanted === undefined || has(capabilities, Object.entries(wanted)) ? undefined : wanted;
}

export const followsTasks = (capabilities) => capabilities?.extensions?.[TASKS] !== undefined;
export const tasksCapability = () => ({ extensions: { [TASKS]: {} } });
