import { Type } from 'typebox';

/**
 * ASCII in the syntax of HTML's `input type=email`, 64 characters before the @ and 254 in all. The address is stored as
 * typed; users are identified by its lower-case form.
 */
export const EmailAddress = Type.String({
  format: 'email',
  maxLength: 254,
  description: "ASCII, in the syntax of HTML's input type=email.",
});
