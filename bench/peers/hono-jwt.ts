import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import { jwt, type JwtVariables } from 'hono/jwt';
import type { Server } from 'node:http';
import { audience, issuer, PATH, secret, serveNode, view, type Claims } from './peer.ts';

const app = new Hono<{ Variables: JwtVariables<Claims> }>();
app.use(jwt({ secret, alg: 'HS256', verification: { iss: issuer, aud: audience, typ: 'at+jwt' } }));
app.get(PATH, (context) => context.json(view(context.get('jwtPayload'))));
serveNode(createAdaptorServer(app) as Server);
