// JSON-RPC replies, and an error that becomes one.

export const result = (id, value) => ({ jsonrpc: '2.0', id, result: value });
export const failure = (id, code, message, data) => ({
  jsonrpc: '2.0',
  id,
  error: { code, message, ...(data === undefined ? {} : { data }) },
});
export const notification = (method, params) => ({
  jsonrpc: '2.0',
  method,
  ...(params === undefined ? {} : { params }),
});

// Thrown by whoever answers a request, or by a question that the client refused.
export class RpcError extends Error {
  constructor(code, message, data) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

// A client's refusal to answer a question: it makes the tool fail, not the request.
export class Refused extends RpcError {}

// Thrown when the request was cancelled: nobody waits for an answer.
export class Cancelled extends Error {}
