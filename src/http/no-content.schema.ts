import { Type } from 'typebox';

/** The body of a 204 response: none. */
export const NoContent = Type.Null({ title: 'NoContent' });

/** The body of a 202 response: none. */
export const Accepted = Type.Null({ title: 'Accepted' });
