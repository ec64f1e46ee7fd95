import { fastify } from 'fastify';
import { headers, PATH, serveFastify, VIEW_SCHEMA, viewOfSomebody } from './peer.ts';

/** A constant answer with a response schema. With the argument `headers`, it has the headers that the harness passes. */
const app = fastify();
const schema = { response: { 200: VIEW_SCHEMA } };
if (process.argv[3] === 'headers')
  app.get(PATH, { schema }, (_request, reply) => void reply.headers(headers).send(viewOfSomebody));
else app.get(PATH, { schema }, (_request, reply) => void reply.send(viewOfSomebody));
await serveFastify(app);
