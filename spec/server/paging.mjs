// Lists by pages, as the knobs want them.

import { RpcError } from './errors.mjs';

// One page of `list` from the cursor on. A cursor is the index of its first entry, "" stands for the second page when
// `empty_cursor` is on. `cursor_prefix` makes all cursors invalid that were given before it was turned.
export function pageOf(list, key, { page, empty_cursor, repeat_cursor, cursor_prefix }, cursor) {
  const size = page > 0 ? page : Math.max(list.length, 1);
  let start = 0;
  if (cursor === '' && empty_cursor) start = size;
  else if (cursor !== undefined)
    start = cursor.startsWith(cursor_prefix) ? Number(cursor.slice(cursor_prefix.length) || NaN) : NaN;
  if (!Number.isInteger(start) || start < 0 || start > list.length)
    throw new RpcError(-32602, 'there is no such cursor');
  const result = { [key]: list.slice(start, start + size) };
  const next = start + size;
  const named = (number) => `${cursor_prefix}${number}`;
  if (next < list.length) result.nextCursor = empty_cursor && start === 0 ? '' : named(next);
  if (repeat_cursor) result.nextCursor = named(Math.min(size, list.length));
  return result;
}
