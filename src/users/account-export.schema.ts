import { Type, type TSchema } from 'typebox';
import { StoredJson } from './stored-json.schema.js';
import { UserView } from './user-view.schema.js';

const CLOSED = { additionalProperties: false } as const;
const Id = Type.String({ format: 'uuid' });
const Time = Type.String({ format: 'date-time' });
const orNull = (schema: TSchema, description?: string) =>
  Type.Union([schema, Type.Null()], description === undefined ? {} : { description });

/** For the document alone: the export is a stream, which nothing serialises by a schema. */
export const AccountExport = Type.Object(
  {
    user: Type.Object(
      {
        ...UserView.properties,
        appData: StoredJson('Written by the application.'),
        disabledAt: orNull(Time),
      },
      CLOSED,
    ),
    sessions: Type.Array(
      Type.Object(
        {
          id: Id,
          createdAt: Time,
          refreshedAt: Time,
          endedAt: orNull(Time),
          userAgent: orNull(Type.String(), 'Of the login, cut to 256 characters.'),
          network: orNull(Type.String(), 'Of the login: /24 of IPv4, /48 of IPv6.'),
        },
        CLOSED,
      ),
      { description: 'Ended ones included, in the order of their logins.' },
    ),
    devices: Type.Array(
      Type.Object(
        { id: Id, createdAt: Time, usedAt: Type.String({ format: 'date-time', description: 'The last login.' }) },
        CLOSED,
      ),
      { description: 'Devices that have logged in.' },
    ),
    links: Type.Array(
      Type.Object(
        {
          id: Id,
          purpose: Type.String({ description: 'What the link is for.' }),
          email: Type.String({ description: 'The address that it is about.' }),
          createdAt: Time,
          expiresAt: Time,
          usedAt: orNull(Time, 'When it was used, or ended by something else.'),
        },
        CLOSED,
      ),
      { description: 'Links in mail, for a day after they were used or have expired; without their tokens.' },
    ),
    mails: Type.Array(
      Type.Object(
        {
          id: Id,
          template: Type.String({ description: 'Which mail it is.' }),
          recipient: Type.String(),
          language: Type.String(),
          createdAt: Time,
          doneAt: orNull(Time, 'When it was sent or given up.'),
          outcome: orNull(Type.String(), 'sent, failed or outdated.'),
        },
        CLOSED,
      ),
      { description: 'Mails to the user, for a day.' },
    ),
    auditEvents: Type.Array(
      Type.Object(
        {
          id: Type.String({ pattern: '^[0-9]+$' }),
          occurredAt: Time,
          event: Type.String(),
          actor: Type.String({ description: 'user, operator, system or application.' }),
          sessionId: orNull(Id),
          address: orNull(Type.String(), 'IP address of the request.'),
          userAgent: orNull(Type.String(), 'Of the request, cut to 256 characters.'),
          details: Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true }),
        },
        CLOSED,
      ),
      { description: 'The audit trail about the user, in the order of writing.' },
    ),
  },
  { title: 'AccountExport', ...CLOSED },
);
