import { application } from '../../src/features.js';
import { startApp, type TestApp } from './app.js';

export { application };

/** The modules in `src/features.ts`. */
export const { features = [] } = application;

/** JSON Schema, as far as the tests read it. */
export interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: unknown;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly type?: string;
  readonly $ref?: string;
}

export interface Operation {
  readonly security?: readonly unknown[];
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: Schema }> };
  readonly responses: Record<string, { readonly content?: Record<string, { readonly schema: Schema }> }>;
}

export interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, Schema> };
}

export interface FeatureRoute {
  readonly method: string;
  /** As in the document, such as `/v1/notes/{id}`. */
  readonly path: string;
  readonly operation: Operation;
  /** Member names of the body. */
  readonly members: readonly string[];
}

export async function documentOf(app: TestApp): Promise<Document> {
  return (await app.call('GET', '/openapi.json')).body as unknown as Document;
}

/** The routes of the modules in `src/features.ts`: those that Gatehouse alone does not have. None in Gatehouse itself. */
export async function routesOfFeatures(): Promise<FeatureRoute[]> {
  if (features.length === 0) return [];
  const [alone, document] = [await documentOf(await startApp()), await documentOf(await startApp(application))];
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([method]) => alone.paths[path]?.[method] === undefined)
      .map(([method, operation]) => ({
        method: method.toUpperCase(),
        path,
        operation,
        members: membersOf(operation.requestBody?.content['application/json']?.schema, document),
      })),
  );
}

/** The names of the members that a body may have. */
export function membersOf(schema: Schema | undefined, document: Document): string[] {
  if (schema === undefined) return [];
  if (schema.$ref) return membersOf(document.components.schemas[schema.$ref.split('/').at(-1) ?? ''], document);
  return [
    ...Object.keys(schema.properties ?? {}),
    ...(schema.anyOf ?? []).flatMap((each) => membersOf(each, document)),
  ];
}
