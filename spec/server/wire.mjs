// How a message is written: knobs may ask for escapes and for members that nobody has defined.

const SURPRISE = { list: [1, null, { deep: [] }], text: 'of a later revision' };

function withSurprises(message) {
  const copy = { ...message };
  for (const part of ['params', 'result']) {
    if (copy[part]) copy[part] = { ...copy[part], 'x-souk-surprise': SURPRISE };
  }
  if (copy.result?.capabilities) copy.result.capabilities = { ...copy.result.capabilities, surprises: SURPRISE };
  return copy;
}

const escaped = (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;

export function encode(message, knobs) {
  const text = JSON.stringify(knobs.extras ? withSurprises(message) : message);
  if (!knobs.escapes) return text;
  return text.replace(/[\u007f-\uffff]/g, escaped).replaceAll('/', '\\/');
}
