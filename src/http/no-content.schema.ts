import { Type } from 'typebox';

/** The body of a 204 response: none. */
export const NoContent = Type.Null({ title: 'NoContent' });
