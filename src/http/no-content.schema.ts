import { Type } from 'typebox';

/** The answer 204: done, and nothing to say. */
export const NoContent = Type.Null({ title: 'NoContent' });
