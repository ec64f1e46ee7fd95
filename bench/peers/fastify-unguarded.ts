import { fastify } from 'fastify';
import { PATH, serveFastify, somebody, view } from './peer.ts';

const app = fastify();
app.get(PATH, (_request, reply) => void reply.send(view(somebody)));
await serveFastify(app);
