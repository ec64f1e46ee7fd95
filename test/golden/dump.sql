--
-- PostgreSQL database dump
--

\restrict S8V9EbUYVzQ50ucPPQwFA2e0AFu490o00sGU0XWJ4Ce9t2vNxpe5moljcwLxzcN

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: audit_actor; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.audit_actor AS ENUM (
    'user',
    'operator',
    'system'
);


--
-- Name: revocation_kind; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.revocation_kind AS ENUM (
    'sid',
    'jti',
    'kid'
);


--
-- Name: refuse_audit_change(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.refuse_audit_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$BEGIN RAISE EXCEPTION 'audit_events is append-only' USING ERRCODE = 'insufficient_privilege'; END$$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: _prisma_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._prisma_migrations (
    id character varying(36) NOT NULL,
    checksum character varying(64) NOT NULL,
    finished_at timestamp with time zone,
    migration_name character varying(255) NOT NULL,
    logs text,
    rolled_back_at timestamp with time zone,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    applied_steps_count integer DEFAULT 0 NOT NULL
);


--
-- Name: account_guards; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.account_guards (
    key bytea NOT NULL,
    failures integer NOT NULL,
    next_at timestamp(6) with time zone NOT NULL
)
WITH (fillfactor='70');


--
-- Name: audit_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.audit_events (
    id bigint NOT NULL,
    occurred_at timestamp(3) with time zone DEFAULT clock_timestamp() NOT NULL,
    event text NOT NULL,
    actor public.audit_actor NOT NULL,
    user_id uuid,
    session_id uuid,
    address text,
    user_agent text,
    request_id uuid,
    details jsonb DEFAULT '{}'::jsonb NOT NULL
);


--
-- Name: audit_events_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.audit_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: audit_events_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.audit_events_id_seq OWNED BY public.audit_events.id;


--
-- Name: devices; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.devices (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    created_at timestamp(3) with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL
)
WITH (fillfactor='70');


--
-- Name: rate_limits; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.rate_limits (
    key bytea NOT NULL,
    full_at timestamp(6) with time zone NOT NULL
)
WITH (fillfactor='70');


--
-- Name: revocations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.revocations (
    id bigint NOT NULL,
    kind public.revocation_kind NOT NULL,
    subject text NOT NULL,
    created_at timestamp(3) with time zone DEFAULT clock_timestamp() NOT NULL
);


--
-- Name: revocations_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.revocations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: revocations_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.revocations_id_seq OWNED BY public.revocations.id;


--
-- Name: sessions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sessions (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp(3) with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL,
    ended_at timestamp(3) with time zone,
    network text,
    refresh_counter integer DEFAULT 0 NOT NULL,
    refreshed_at timestamp(3) with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL,
    user_agent text
)
WITH (fillfactor='70');


--
-- Name: signing_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.signing_keys (
    kid text NOT NULL,
    alg text NOT NULL,
    public_jwk jsonb NOT NULL,
    private_key bytea,
    created_at timestamp(3) with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL,
    activated_at timestamp(3) with time zone,
    gone_at timestamp(3) with time zone,
    retired_at timestamp(3) with time zone
);


--
-- Name: users; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.users (
    id uuid NOT NULL,
    email text NOT NULL,
    email_lower text NOT NULL,
    password_hash text NOT NULL,
    disabled_at timestamp(3) with time zone,
    created_at timestamp(3) with time zone DEFAULT CURRENT_TIMESTAMP NOT NULL
);


--
-- Name: audit_events id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit_events ALTER COLUMN id SET DEFAULT nextval('public.audit_events_id_seq'::regclass);


--
-- Name: revocations id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.revocations ALTER COLUMN id SET DEFAULT nextval('public.revocations_id_seq'::regclass);


--
-- Data for Name: _prisma_migrations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public._prisma_migrations VALUES ('8f7cce69-3015-439d-8e77-7c2552b0233f', 'eb1fd4456aa9f2c19d5f6acfe57586aae784e264a946409ed4980302fc3520e9', '2026-11-28 18:16:31.965+00', '20261123120000_users_sessions_keys', NULL, NULL, '2026-11-28 18:16:31.86+00', 1);
INSERT INTO public._prisma_migrations VALUES ('d718eafd-f953-48b9-91b0-1954d93df429', '88aa0f5f4b5ccd8831083806cf360a92e76611bbc0ef2f5f7787b6589ed92d49', '2026-11-28 18:16:32.016+00', '20261125101246_refresh_revocations_key_states', NULL, NULL, '2026-11-28 18:16:31.973+00', 1);
INSERT INTO public._prisma_migrations VALUES ('7f81ae78-6d42-42d7-bcc1-e883044e73de', '7d91a2d4f6a00a5d2a0dbabb91b2adcef33ba01385ba6c32c17030b298c31411', '2026-11-28 18:16:32.078+00', '20261126220000_limits_devices', NULL, NULL, '2026-11-28 18:16:32.022+00', 1);
INSERT INTO public._prisma_migrations VALUES ('0eebe647-45c4-467c-bd15-f0a8cafd34c0', '7084f45ac5efe751740888246c8c26bcf5f330b10f9937f432814c69a8f4d661', '2026-11-28 18:16:32.115+00', '20261127010000_audit_events', NULL, NULL, '2026-11-28 18:16:32.08+00', 1);


--
-- Data for Name: account_guards; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.account_guards VALUES ('\x19124766fd984a8081cb4514b2cab8ff', 16, '2026-11-28 18:19:05.646703+00');
INSERT INTO public.account_guards VALUES ('\x28b9221e0e776354cbd05d1f3fef03db', 10, '2026-11-28 18:18:04.600663+00');


--
-- Data for Name: audit_events; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.audit_events VALUES (1, '2026-11-28 18:16:33.941+00', 'user_registered', 'user', '01a2235f-8b77-77d2-af25-4233bce65d01', NULL, '192.0.2.1', 'golden/1 "quoted" \ (;)', 'ec7f660f-852c-4b98-827c-ea478dfddb9c', '{}');
INSERT INTO public.audit_events VALUES (2, '2026-11-28 18:16:34.035+00', 'user_registered', 'user', '01a2235f-8bd6-78af-a3e8-251919246f62', NULL, '192.0.2.1', 'golden/1 "quoted" \ (;)', 'cbdd7b70-47f0-4ac2-896d-c53fe916517f', '{}');
INSERT INTO public.audit_events VALUES (3, '2026-11-28 18:16:34.256+00', 'user_registered', 'user', '01a2235f-8c24-7386-985b-f4021ae919ce', NULL, '192.0.2.1', 'golden/1 "quoted" \ (;)', '3dc74425-9618-469e-b420-a2d7a056041b', '{}');
INSERT INTO public.audit_events VALUES (4, '2026-11-28 18:16:34.273+00', 'user_registered', 'user', '01a2235f-8cd5-7d1d-ba51-7fbd914cae82', NULL, '192.0.2.1', 'golden/1 "quoted" \ (;)', 'c0effc09-0f82-4960-ab89-ff14e73ad2d8', '{}');
INSERT INTO public.audit_events VALUES (5, '2026-11-28 18:16:34.304+00', 'user_registered', 'user', '01a2235f-8cf2-751c-b35e-d5657e1e534b', NULL, '192.0.2.1', 'golden/1 "quoted" \ (;)', '8ee1129c-b28c-43cf-91b6-a75993493873', '{}');
INSERT INTO public.audit_events VALUES (6, '2026-11-28 18:16:34.321+00', 'user_registered', 'user', '01a2235f-8d06-7834-bc99-593764c122f3', NULL, '192.0.2.1', 'golden/1 "quoted" \ (;)', '9d34180a-b74d-4ac0-8795-19064c9e8b33', '{}');
INSERT INTO public.audit_events VALUES (7, '2026-11-28 18:16:34.359+00', 'session_started', 'user', '01a2235f-8b77-77d2-af25-4233bce65d01', '01a2235f-8d2f-7be9-8ce6-39411c26a9b0', '192.0.2.1', 'golden/1 "quoted" \ (;)', 'a33d9f6c-2d0f-43e6-8b6a-d53fd8609b64', '{}');
INSERT INTO public.audit_events VALUES (8, '2026-11-28 18:16:37.368+00', 'key_rotated', 'operator', NULL, NULL, NULL, NULL, NULL, '{"kid": "LtEqymv2Rw82-p7qBTSFfRTqbVdTz8wOYCwL82IqVwc"}');
INSERT INTO public.audit_events VALUES (9, '2026-11-28 18:16:40.922+00', 'session_started', 'user', '01a2235f-8b77-77d2-af25-4233bce65d01', '01a2235f-a6d5-71bc-b5df-d47645b99793', '192.0.2.1', 'golden/1 "quoted" \ (;)', '7a181e24-456d-4cb5-a464-8ff64351aeed', '{}');
INSERT INTO public.audit_events VALUES (10, '2026-11-28 18:16:44.9+00', 'key_rotated', 'operator', NULL, NULL, NULL, NULL, NULL, '{"kid": "1X9MxPBpjqyW9-IYPXGZM8_RRyH6ooUBbICRhbNKZWs"}');
INSERT INTO public.audit_events VALUES (11, '2026-11-28 18:16:46.065+00', 'key_revoked', 'operator', NULL, NULL, NULL, NULL, NULL, '{"kid": "LtEqymv2Rw82-p7qBTSFfRTqbVdTz8wOYCwL82IqVwc"}');
INSERT INTO public.audit_events VALUES (12, '2026-11-28 18:16:52.534+00', 'key_rotated', 'operator', NULL, NULL, NULL, NULL, NULL, '{"kid": "BBPoqjwewKYA0PuIHJ1SEhyRw-gqk48hrfY0ehFOsjw"}');
INSERT INTO public.audit_events VALUES (13, '2026-11-28 18:16:53.812+00', 'session_started', 'user', '01a2235f-8b77-77d2-af25-4233bce65d01', '01a2235f-d930-7487-8550-bc31e91c68db', '192.0.2.1', 'golden/1 "quoted" \ (;)', 'b073fe1c-f1e4-4f1f-aa79-ec2a8e379d4c', '{}');
INSERT INTO public.audit_events VALUES (14, '2026-11-28 18:16:56.641+00', 'session_started', 'user', '01a2235f-8cd5-7d1d-ba51-7fbd914cae82', '01a2235f-e43e-7065-9b16-6291f445389d', '192.0.2.1', 'golden/1 "quoted" \ (;)', 'acddd8e6-9ad1-4821-89e4-784b91fff207', '{}');
INSERT INTO public.audit_events VALUES (15, '2026-11-28 18:16:56.728+00', 'session_started', 'user', '01a2235f-8b77-77d2-af25-4233bce65d01', '01a2235f-e495-75ca-b054-64ae73d7e885', '192.0.2.1', 'golden/1 "quoted" \ (;)', '15cc5bb6-4b0e-4811-82b8-a16f866e6db9', '{}');
INSERT INTO public.audit_events VALUES (16, '2026-11-28 18:16:56.79+00', 'session_started', 'user', '01a2235f-8b77-77d2-af25-4233bce65d01', '01a2235f-e4d4-7dc4-8383-1d37163a56e0', '192.0.2.1', 'golden/1 "quoted" \ (;)', '1411952f-4e20-420f-843c-dd7d1fdc0e4a', '{}');
INSERT INTO public.audit_events VALUES (17, '2026-11-28 18:16:56.84+00', 'session_started', 'user', '01a2235f-8b77-77d2-af25-4233bce65d01', '01a2235f-e506-7e63-a6c4-362926a6e59a', '192.0.2.1', 'golden/1 "quoted" \ (;)', '5f456eba-ab3f-4d4d-a02d-c36f11fdab6d', '{}');
INSERT INTO public.audit_events VALUES (18, '2026-11-28 18:16:56.884+00', 'session_ended', 'user', '01a2235f-8b77-77d2-af25-4233bce65d01', '01a2235f-e506-7e63-a6c4-362926a6e59a', '127.0.0.1', 'node', '1b226db2-fbdd-4c08-ae42-17856456275a', '{}');
INSERT INTO public.audit_events VALUES (19, '2026-11-28 18:16:56.91+00', 'session_started', 'user', '01a2235f-8b77-77d2-af25-4233bce65d01', '01a2235f-e54b-7006-9d69-ac5e2e743bba', '192.0.2.1', 'golden/1 "quoted" \ (;)', 'b6550ee7-4ea8-4328-9135-95089106d5a8', '{}');
INSERT INTO public.audit_events VALUES (20, '2026-11-28 18:16:57+00', 'refresh_token_reused', 'user', '01a2235f-8b77-77d2-af25-4233bce65d01', '01a2235f-e54b-7006-9d69-ac5e2e743bba', '192.0.2.1', 'golden/1 "quoted" \ (;)', '51d3b203-7058-4c7f-a4d6-b42d29f6c03a', '{"counter": 0}');
INSERT INTO public.audit_events VALUES (21, '2026-11-28 18:16:57.024+00', 'session_started', 'user', '01a2235f-8b77-77d2-af25-4233bce65d01', '01a2235f-e5bd-7889-be9c-ba8cb838a030', '192.0.2.1', 'golden/1 "quoted" \ (;)', 'ed464149-fb17-4c39-8c5d-798b4c436468', '{}');
INSERT INTO public.audit_events VALUES (22, '2026-11-28 18:16:57.051+00', 'session_started', 'user', '01a2235f-8c24-7386-985b-f4021ae919ce', '01a2235f-e5d9-76c1-9b48-3e837535f20e', '192.0.2.1', 'golden/1 "quoted" \ (;)', '0341a55f-1c9c-4e3f-a16c-48ebde585661', '{}');
INSERT INTO public.audit_events VALUES (23, '2026-11-28 18:16:58.78+00', 'user_disabled', 'operator', '01a2235f-8c24-7386-985b-f4021ae919ce', NULL, NULL, NULL, NULL, '{"endedSessions": 1}');
INSERT INTO public.audit_events VALUES (24, '2026-11-28 18:16:59.043+00', 'session_started', 'user', '01a2235f-8bd6-78af-a3e8-251919246f62', '01a2235f-eda1-7de1-a276-d4f53dd97a33', '192.0.2.1', 'golden/1 "quoted" \ (;)', 'f7cf5348-394c-4645-a1eb-6e086ac45c6a', '{}');
INSERT INTO public.audit_events VALUES (25, '2026-11-28 18:16:59.108+00', 'session_started', 'user', '01a2235f-8cf2-751c-b35e-d5657e1e534b', '01a2235f-ede1-7cd6-89a0-aa2a2f94b5c6', '192.0.2.1', 'golden/1 "quoted" \ (;)', '7b369ada-768e-4980-b5aa-5a295eee0066', '{}');
INSERT INTO public.audit_events VALUES (26, '2026-11-28 18:16:59.141+00', 'session_started', 'user', '01a2235f-8cf2-751c-b35e-d5657e1e534b', '01a2235f-ee04-77de-a868-e765a1237cae', '192.0.2.1', 'golden/1 "quoted" \ (;)', '88e2e6db-a203-4328-940a-5e094b7ca613', '{}');
INSERT INTO public.audit_events VALUES (27, '2026-11-28 18:16:59.215+00', 'password_changed', 'user', '01a2235f-8cf2-751c-b35e-d5657e1e534b', NULL, '192.0.2.1', 'golden/1 "quoted" \ (;)', '0ccf0945-0255-42f2-a884-38ca50778867', '{"endedSessions": 1}');
INSERT INTO public.audit_events VALUES (28, '2026-11-28 18:16:59.25+00', 'session_started', 'user', '01a2235f-8d06-7834-bc99-593764c122f3', '01a2235f-ee70-7e26-b4cc-393f131af4a4', '192.0.2.1', 'golden/1 "quoted" \ (;)', 'eba34243-8e25-408f-8f7c-97ba5237efc9', '{}');
INSERT INTO public.audit_events VALUES (29, '2026-11-28 18:17:00.151+00', 'user_deleted', 'operator', '01a2235f-8d06-7834-bc99-593764c122f3', NULL, NULL, NULL, NULL, '{"endedSessions": 1}');
INSERT INTO public.audit_events VALUES (30, '2026-11-28 18:18:03.754+00', 'session_started', 'user', '01a2235f-8b77-77d2-af25-4233bce65d01', '01a22360-ea67-719e-bc61-7ebfe9849299', '192.0.2.1', 'golden/1 "quoted" \ (;)', '453cb3d1-d11b-48fe-b6e4-f0a0c4e64274', '{}');


--
-- Data for Name: devices; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.devices VALUES ('01a2235f-a6dc-7fc3-87f0-0dd1f5075374', '01a2235f-8b77-77d2-af25-4233bce65d01', 0, '2026-11-28 18:16:40.959+00');
INSERT INTO public.devices VALUES ('01a2235f-d93c-7b3d-bdc2-69bd08f3b80e', '01a2235f-8b77-77d2-af25-4233bce65d01', 0, '2026-11-28 18:16:53.822+00');
INSERT INTO public.devices VALUES ('01a2235f-e442-7f71-bc73-bdd170438997', '01a2235f-8cd5-7d1d-ba51-7fbd914cae82', 0, '2026-11-28 18:16:56.643+00');
INSERT INTO public.devices VALUES ('01a2235f-e49a-7859-b4ef-cc6a8ef5a7a7', '01a2235f-8b77-77d2-af25-4233bce65d01', 0, '2026-11-28 18:16:56.731+00');
INSERT INTO public.devices VALUES ('01a2235f-e4dd-7405-9181-a422ca8a018f', '01a2235f-8b77-77d2-af25-4233bce65d01', 0, '2026-11-28 18:16:56.797+00');
INSERT INTO public.devices VALUES ('01a2235f-e50a-7327-b34e-fdbacceb4f2b', '01a2235f-8b77-77d2-af25-4233bce65d01', 0, '2026-11-28 18:16:56.843+00');
INSERT INTO public.devices VALUES ('01a2235f-e552-7ad6-94ac-c8114f454e9c', '01a2235f-8b77-77d2-af25-4233bce65d01', 0, '2026-11-28 18:16:56.916+00');
INSERT INTO public.devices VALUES ('01a2235f-e5c1-7d82-b68a-619457835568', '01a2235f-8b77-77d2-af25-4233bce65d01', 0, '2026-11-28 18:16:57.029+00');
INSERT INTO public.devices VALUES ('01a2235f-e5dd-756c-8af1-48afdc0c6f52', '01a2235f-8c24-7386-985b-f4021ae919ce', 0, '2026-11-28 18:16:57.054+00');
INSERT INTO public.devices VALUES ('01a2235f-edae-75d4-a8f2-043424ddf8f4', '01a2235f-8bd6-78af-a3e8-251919246f62', 0, '2026-11-28 18:16:59.055+00');
INSERT INTO public.devices VALUES ('01a2235f-8d38-72cb-ac41-3bcbfff94f57', '01a2235f-8b77-77d2-af25-4233bce65d01', 3, '2026-11-28 18:16:34.361+00');
INSERT INTO public.devices VALUES ('01a22360-ea6b-7bef-bd87-7e92e101e9cb', '01a2235f-8b77-77d2-af25-4233bce65d01', 0, '2026-11-28 18:18:03.756+00');


--
-- Data for Name: rate_limits; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.rate_limits VALUES ('\xabde3a7aed13560d8ceadca65d70b2e1', '2026-11-28 18:16:59.929658+00');
INSERT INTO public.rate_limits VALUES ('\x690e520ec452a575d16bdc1706d2284d', '2026-11-28 18:22:34.260637+00');
INSERT INTO public.rate_limits VALUES ('\x0c0f3f9cb5e66daaa81cc60ca4c191c5', '2026-11-28 18:22:34.289649+00');
INSERT INTO public.rate_limits VALUES ('\xfe5d318e10c2d4d7fb0bb2510687ec97', '2026-11-28 18:34:33.908666+00');
INSERT INTO public.rate_limits VALUES ('\xd969bd93f8cf46e7717aa4754a6c19a2', '2026-11-28 18:22:34.309379+00');
INSERT INTO public.rate_limits VALUES ('\x74013ebe1a155ad0b87a55243e4d1c45', '2026-11-28 18:16:57.040191+00');
INSERT INTO public.rate_limits VALUES ('\x090c577fe7bb1fca6cd1e31fe385887c', '2026-11-28 18:16:58.032874+00');
INSERT INTO public.rate_limits VALUES ('\x8edf3a8fd64d70aafdd312d65bf9e3a5', '2026-11-28 18:16:58.056897+00');
INSERT INTO public.rate_limits VALUES ('\x304bef1bd5a80bdd019ab01899601c17', '2026-11-28 18:17:02.655057+00');
INSERT INTO public.rate_limits VALUES ('\xaf25276d8ac8e85436cea0f6a38c62a4', '2026-11-28 18:17:41.655057+00');
INSERT INTO public.rate_limits VALUES ('\x9d1b761b485fd1cab639a8686cfb1c1d', '2026-11-28 18:16:56.815057+00');
INSERT INTO public.rate_limits VALUES ('\x64a25218f50c5caeb68edef8f4c04a54', '2026-11-28 18:17:02.675066+00');
INSERT INTO public.rate_limits VALUES ('\xb17c5b81190e07493e260d5d7b608ab2', '2026-11-28 18:17:41.675066+00');
INSERT INTO public.rate_limits VALUES ('\x20ef9a481c9bb2de2f3ffcd82f099d25', '2026-11-28 18:17:02.720191+00');
INSERT INTO public.rate_limits VALUES ('\xab2db12ef7a0b98ad971acc3a08eca37', '2026-11-28 18:17:41.720191+00');
INSERT INTO public.rate_limits VALUES ('\x9fbee7bb44c1b02a4724aec48dfbc500', '2026-11-28 18:16:56.659632+00');
INSERT INTO public.rate_limits VALUES ('\x5a40111df68993eb7cbbd9cb445c51f4', '2026-11-28 18:17:02.74314+00');
INSERT INTO public.rate_limits VALUES ('\xca2fef0362dbb1d97688f21517274d08', '2026-11-28 18:17:41.74314+00');
INSERT INTO public.rate_limits VALUES ('\xe1c241d6747f7044a919ec2ef10f8bc0', '2026-11-28 18:16:59.739296+00');
INSERT INTO public.rate_limits VALUES ('\xe001934843f9d41ac12939b196bcf66f', '2026-11-28 18:17:02.775908+00');
INSERT INTO public.rate_limits VALUES ('\x55572aa0b4686bcf01bf155b8c8b9a70', '2026-11-28 18:17:41.775908+00');
INSERT INTO public.rate_limits VALUES ('\x9cc9383d39319042e847d7466278ba36', '2026-11-28 18:17:02.798812+00');
INSERT INTO public.rate_limits VALUES ('\xdc291020241b3c4b3cbb2d84b5cbefb4', '2026-11-28 18:17:41.798812+00');
INSERT INTO public.rate_limits VALUES ('\x580c94a440715cec9132047b63366516', '2026-11-28 18:58:34.083847+00');
INSERT INTO public.rate_limits VALUES ('\x684102ffd33e8575a7b03a6423c50282', '2026-11-28 19:04:33.908666+00');
INSERT INTO public.rate_limits VALUES ('\xf06b7d1822a3f9aa465eaab5830e948e', '2026-11-28 18:16:58.802157+00');
INSERT INTO public.rate_limits VALUES ('\x310d3d2ed051d80bf623e0a7fa7bf8c9', '2026-11-28 19:04:34.005124+00');
INSERT INTO public.rate_limits VALUES ('\xe38cf126504818991c32648d804b1336', '2026-11-28 18:18:03.209472+00');
INSERT INTO public.rate_limits VALUES ('\x6a5221f99d88bfa6b205b58e2cdf3699', '2026-11-28 18:16:59.115351+00');
INSERT INTO public.rate_limits VALUES ('\x7c984c7dc731bb51953ef08aacef703f', '2026-11-28 18:16:57.860744+00');
INSERT INTO public.rate_limits VALUES ('\x976f816a79d1e024313e3f954d11cc2d', '2026-11-28 18:17:02.861316+00');
INSERT INTO public.rate_limits VALUES ('\xcdd8f49cde99135798a4e39ab11c810d', '2026-11-28 18:17:41.861316+00');
INSERT INTO public.rate_limits VALUES ('\x0ae4b9f87e2fc40da658e375ed55ed02', '2026-11-28 18:16:57.021316+00');
INSERT INTO public.rate_limits VALUES ('\xb3b0e706a3b4ca0d5c2428010f01e189', '2026-11-28 18:18:03.253669+00');
INSERT INTO public.rate_limits VALUES ('\xc049a42dd32909e8f1f4ff98dd576504', '2026-11-28 18:17:02.913831+00');
INSERT INTO public.rate_limits VALUES ('\x57455e1721232302e7e414dd30831047', '2026-11-28 18:17:41.913831+00');
INSERT INTO public.rate_limits VALUES ('\x99576c0675c94545e6915725bdc85ab7', '2026-11-28 18:18:03.300542+00');
INSERT INTO public.rate_limits VALUES ('\x0d4c903e929f6de8aeae3bef145d52d6', '2026-11-28 18:18:03.558842+00');
INSERT INTO public.rate_limits VALUES ('\x9dbea152fb968f74eeade30b6e617b5d', '2026-11-28 18:17:02.94469+00');
INSERT INTO public.rate_limits VALUES ('\x3e8506f210624bfab9f0afef6fe597e0', '2026-11-28 18:17:41.94469+00');
INSERT INTO public.rate_limits VALUES ('\x4219334e81c085481dc003057a8ed6f3', '2026-11-28 18:18:03.567099+00');
INSERT INTO public.rate_limits VALUES ('\x3324469f02e29e1d7dd199ff51c0d9c4', '2026-11-28 18:18:03.6553+00');
INSERT INTO public.rate_limits VALUES ('\x86a002edb66f8ad7193efb200a4e6152', '2026-11-28 18:18:03.759893+00');
INSERT INTO public.rate_limits VALUES ('\xffe35d72ffa0288d663b2d4f836a1190', '2026-11-28 18:18:03.741211+00');
INSERT INTO public.rate_limits VALUES ('\x5f206904d096da338436094f705acf8b', '2026-11-28 18:18:03.85971+00');
INSERT INTO public.rate_limits VALUES ('\x48ddfeb308b25061ab0e2096da2d27e1', '2026-11-28 18:17:07.158016+00');
INSERT INTO public.rate_limits VALUES ('\x31db9f4c946559f1178db58616b37474', '2026-11-28 18:17:46.158016+00');
INSERT INTO public.rate_limits VALUES ('\xa7285e58bab5b5c8dd14d529f3eeab8c', '2026-11-28 18:17:11.282766+00');
INSERT INTO public.rate_limits VALUES ('\x693d290a0944419f11d6f1d21db15f62', '2026-11-28 18:17:50.282766+00');
INSERT INTO public.rate_limits VALUES ('\x6642d8262359dc5f07a7841da7217422', '2026-11-28 18:17:19.402312+00');
INSERT INTO public.rate_limits VALUES ('\x394d8995d75af04bc23ac7f2373a8d1b', '2026-11-28 18:17:58.402312+00');
INSERT INTO public.rate_limits VALUES ('\x2b33d485f7f701bbed753a8dabf059ca', '2026-11-28 18:18:01.804631+00');
INSERT INTO public.rate_limits VALUES ('\x5554bca3a36883c7afcf1671f0f6bbc3', '2026-11-28 18:17:02.976418+00');
INSERT INTO public.rate_limits VALUES ('\x4ed091e8b6813d3c541e471ba07635e0', '2026-11-28 18:17:41.976418+00');
INSERT INTO public.rate_limits VALUES ('\xae5eea4b89646d0f792b40c9e49f8b83', '2026-11-28 18:17:05.014729+00');
INSERT INTO public.rate_limits VALUES ('\x5c90b998d52f2ccadad0fd40629605d7', '2026-11-28 18:17:44.014729+00');
INSERT INTO public.rate_limits VALUES ('\xc94285f0f88fe530170f95b4c7f53ce8', '2026-11-28 18:17:35.51962+00');
INSERT INTO public.rate_limits VALUES ('\x809f3f5674642596f2a9bc1eac65913e', '2026-11-28 18:18:14.51962+00');
INSERT INTO public.rate_limits VALUES ('\x639e0f7d458dddb4b03c7e3a47940d80', '2026-11-28 18:18:07.644631+00');
INSERT INTO public.rate_limits VALUES ('\x5adf41b45609c906b4a858329ea1362f', '2026-11-28 18:18:46.644631+00');
INSERT INTO public.rate_limits VALUES ('\x2227c0f51c6ece4f5335e50fe0cf54f7', '2026-11-28 19:18:01.669204+00');
INSERT INTO public.rate_limits VALUES ('\x6ade885da9aab60968a946104b917f85', '2026-11-28 18:18:03.649686+00');
INSERT INTO public.rate_limits VALUES ('\x7cb7195354e7084a9bb89a9bd9f4dfdf', '2026-11-28 18:19:03.049472+00');
INSERT INTO public.rate_limits VALUES ('\x164d2651eb0e975d3f5c264d7dbcf1a3', '2026-11-28 18:25:33.049472+00');
INSERT INTO public.rate_limits VALUES ('\x5478282c72107cbb69edcce435a9b635', '2026-11-28 18:18:09.736568+00');
INSERT INTO public.rate_limits VALUES ('\xaf08098e9b3a0f5b001077d6487b4a01', '2026-11-28 18:18:48.736568+00');
INSERT INTO public.rate_limits VALUES ('\x3a2f93b1cd60f2beba3f9dec17725314', '2026-11-28 18:18:03.741211+00');
INSERT INTO public.rate_limits VALUES ('\x9e1563168528fb63c09d6d94c401e2fa', '2026-11-28 18:18:04.75971+00');


--
-- Data for Name: revocations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.revocations VALUES (1, 'kid', 'LtEqymv2Rw82-p7qBTSFfRTqbVdTz8wOYCwL82IqVwc', '2026-11-28 18:16:46.066+00');
INSERT INTO public.revocations VALUES (2, 'sid', '01a2235f-e506-7e63-a6c4-362926a6e59a', '2026-11-28 18:16:56.886+00');
INSERT INTO public.revocations VALUES (3, 'sid', '01a2235f-e54b-7006-9d69-ac5e2e743bba', '2026-11-28 18:16:57.001+00');
INSERT INTO public.revocations VALUES (4, 'sid', '01a2235f-e5d9-76c1-9b48-3e837535f20e', '2026-11-28 18:16:58.781+00');
INSERT INTO public.revocations VALUES (5, 'sid', '01a2235f-ede1-7cd6-89a0-aa2a2f94b5c6', '2026-11-28 18:16:59.219+00');
INSERT INTO public.revocations VALUES (6, 'sid', '01a2235f-ee70-7e26-b4cc-393f131af4a4', '2026-11-28 18:17:00.152+00');


--
-- Data for Name: sessions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sessions VALUES ('01a2235f-8d2f-7be9-8ce6-39411c26a9b0', '01a2235f-8b77-77d2-af25-4233bce65d01', '2026-11-28 18:16:34.358+00', NULL, '192.0.2.0/24', 0, '2026-11-28 18:16:34.358+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a2235f-a6d5-71bc-b5df-d47645b99793', '01a2235f-8b77-77d2-af25-4233bce65d01', '2026-11-28 18:16:40.92+00', NULL, '192.0.2.0/24', 0, '2026-11-28 18:16:40.92+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a2235f-d930-7487-8550-bc31e91c68db', '01a2235f-8b77-77d2-af25-4233bce65d01', '2026-11-28 18:16:53.811+00', NULL, '192.0.2.0/24', 0, '2026-11-28 18:16:53.811+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a2235f-e43e-7065-9b16-6291f445389d', '01a2235f-8cd5-7d1d-ba51-7fbd914cae82', '2026-11-28 18:16:56.64+00', NULL, '192.0.2.0/24', 0, '2026-11-28 18:16:56.64+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a2235f-e495-75ca-b054-64ae73d7e885', '01a2235f-8b77-77d2-af25-4233bce65d01', '2026-11-28 18:16:56.727+00', NULL, '192.0.2.0/24', 3, '2026-11-28 18:16:56.756+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a2235f-e4d4-7dc4-8383-1d37163a56e0', '01a2235f-8b77-77d2-af25-4233bce65d01', '2026-11-28 18:16:56.79+00', NULL, '192.0.2.0/24', 2, '2026-11-28 18:16:56.812+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a2235f-e506-7e63-a6c4-362926a6e59a', '01a2235f-8b77-77d2-af25-4233bce65d01', '2026-11-28 18:16:56.84+00', '2026-11-28 18:16:56.878+00', '192.0.2.0/24', 1, '2026-11-28 18:16:56.865+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a2235f-e54b-7006-9d69-ac5e2e743bba', '01a2235f-8b77-77d2-af25-4233bce65d01', '2026-11-28 18:16:56.91+00', '2026-11-28 18:16:56.994+00', '192.0.2.0/24', 2, '2026-11-28 18:16:56.964+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a2235f-e5d9-76c1-9b48-3e837535f20e', '01a2235f-8c24-7386-985b-f4021ae919ce', '2026-11-28 18:16:57.051+00', '2026-11-28 18:16:58.771+00', '192.0.2.0/24', 1, '2026-11-28 18:16:57.059+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a2235f-eda1-7de1-a276-d4f53dd97a33', '01a2235f-8bd6-78af-a3e8-251919246f62', '2026-11-28 18:16:59.043+00', NULL, '192.0.2.0/24', 0, '2026-11-28 18:16:59.043+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a2235f-ee04-77de-a868-e765a1237cae', '01a2235f-8cf2-751c-b35e-d5657e1e534b', '2026-11-28 18:16:59.141+00', NULL, '192.0.2.0/24', 0, '2026-11-28 18:16:59.141+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a2235f-ede1-7cd6-89a0-aa2a2f94b5c6', '01a2235f-8cf2-751c-b35e-d5657e1e534b', '2026-11-28 18:16:59.107+00', '2026-11-28 18:16:59.198+00', '192.0.2.0/24', 0, '2026-11-28 18:16:59.107+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a22360-ea67-719e-bc61-7ebfe9849299', '01a2235f-8b77-77d2-af25-4233bce65d01', '2026-11-28 18:18:03.753+00', NULL, '192.0.2.0/24', 1, '2026-11-28 18:18:03.761+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a2235f-e5bd-7889-be9c-ba8cb838a030', '01a2235f-8b77-77d2-af25-4233bce65d01', '2026-10-28 18:16:57.022+00', NULL, '192.0.2.0/24', 1, '2026-11-13 18:16:57.035+00', 'golden/1 "quoted" \ (;)');


--
-- Data for Name: signing_keys; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.signing_keys VALUES ('dnZCK3kfZeAiqDcXbmZ4Vq09EehXSpukr1AKp2g9ORc', 'RS256', '{"e": "AQAB", "n": "n4KQQhevFGWF3kzDO4-vAAr3ubbufdpIzkw7NGpz-QaSCf3tctvfbadS30cmXQGyBZiRExLgQfQeFG4cLVIXv-MeFF1my-ywdqJtVq31v5P3-rIHndgXdaYVe2DMzg1r79RxOOrqmItKol_fA0GsRmEogTf0f0ZLsizcb0IFu2zPOne_fGjujV_LYivhU-PttW7dtPDg7mI4qEfl0_jcfdm0xkZUs7AWBZE6JGzsC0YD5F6uqDxyhBjqCwLDYVQvDqKVLE0yFm09NrMgLbRvFRUXHRpItZsGknX3lHBwicqDaKBXmIre-YGMgkx8D3QOufTDlvvZ8_RQgwS_7VYpow", "alg": "RS256", "kid": "dnZCK3kfZeAiqDcXbmZ4Vq09EehXSpukr1AKp2g9ORc", "kty": "RSA", "use": "sig"}', '\x019e23cb79ffc3f3a7e6fe8db1325816483e13b8739e3382aa47b6dcd5532b4202c556662778a1995bee350cbcbddbcb155268f0dafe83e95103942ef48302916eba7a99df7faec70aefb2d04813965500aebcdbfdc85b986f77d845aecbb74e0d96c0a940042ca652891855628c0c5f066201e12a4685019bfa9a319a86168fda7ee0555f96ad323cf8d52b38587448d027e5099b7de0ebcedcde1c5c732aecac5609ecf8a2cc6ba21e9fc4228c4d79d3c6fe8662598a4a7b33068697812dc4c6046cb338bde8f966792d988ebe295701d5391858082f9259dbe6e9d0d56b5d0daeff4f95638aee3a31cb807fc8bfb50cc64a817aaca8e51428c1f13728e2154ab06f651eba2504c719d5e9351b060ffb1844fd2da1cb6e56d150402a1411cc144aedebe454acdc7b386e069d882bc961a2b7863a31cd86f7bb7a4601d44d2854ee0d3565eaafa4d962bfbfb4ee224ed52e9c6cb48674552655592e2ee11c909e6c814749145045b6fa48719a367c23b012e8ded2c2489420caecc49e6387fe6b984da0c3408f5b0e2f9485c3835e640af0583b0cf931d0a30eabd5d612c86312238bb87ecbfa4ea6b6234fa5af26682f6200f95169b1f3f959b1cc5bc3a7ba498676ce81a9882d53f52b34bd9b0eff3afb27b45424a4dd8537d35f898aa49b2513fc01043f8df3741541c4cce6b9a8f1d6e1bb065e813f6978f42842924ea61312b4749680f14b80647a64c2621ac761cf4c03668affde4705ad6db5a2c9f0a65a677739d80331587c311a3c71c0253d8b3f58fde7e61fcbe58dc9f8724852d255cc0e2e6e59c320b87f0526f5ac1ba9cc5cf8ca78c2eded1113b3f0b2702aa7551babebfc1a434432b80fb7a5e4a9c828d3157c1492bbdd2a366e1c053332c45180c4f8804c803948263600a9e66cc21117b766ec4e7b0640e73c6436f6ed5c57aaa8c36a518611b290f77802d08cc8966c919b646ee995dddda6ed732b6a85ecdc3462a3dd8cd8c719492a084d74f40b79e79b0fb448634ec5c4f9a24c5d89bc21f369414294f742b178309f68c224c52d26f894a6c3a2894d398ee6172651112add086f6da49552a2e9d47f8a6490e214b8e10a8be6e4832ffd74b5ab50dbe69a28536d7a132df8d9bd48dcd3ca7ac1505360bd03f1f265a5f19b6fbf284202002dbb213f672db82289cedc5b5322903f6920da409cd89412b677a25117410d63f65c3c1b6416fe6d6417d0220e3a5f226fac3492a7825c65ab3fecb8c1023b4ca613a154384c36c57573f5685227d0476caa956be90211560b4c777dff8c47aefdb423058dc6eeae1a35605df66450c1dc4a996ce561c5508ad78773b2ccaaface1deaf110c2fd87268a5ef2c757ee5478253669e56adf0249c039cd87439086eb1102715bb50f9119b504aea44bf2791eb7c320e80407942aa75c90d85c45c2fc650ec5f1043e67c31dcf712037cf811337e7dd61c4564b89707f3016e931493ec6962aa3702599c6bdca4ddce975c4645cdc094c61d5514a81ecd13cc9657e00fe46eafbc2abde1f078cc2031172cafaaa82d69089db8cf1e2ab9a315d899a55e07a30c04475ef01e17bd9528fa3caa704f9e8bc2bd8d4e4b930768a0d612d24cd86f5841972e17d1a4dd8a82de6432e61a377d5d84db9c864ac0f560c958a60fb2d49bd4027e931f53859fa9e87e927e1f5ff049fddb816599306ec838b3aca26e16ea8526b19113ffdcf78435f96c9d91d927d671e0496a4fafab96650b401eb3f', '2026-11-28 18:16:52.528+00', NULL, NULL, NULL);
INSERT INTO public.signing_keys VALUES ('qtaRrNmamEI1NlRrwPOTErjtyX83MkGKLV6dFcN0Zzs', 'ES256', '{"x": "frwR5Cy-FqSCYTjwVcYsTypTIb-sFZatJCbgL9TZg9U", "y": "7xDat2KI7SGH-9nsmeZc3MknXwP7qOo9yO-HNiJDzKU", "alg": "ES256", "crv": "P-256", "kid": "qtaRrNmamEI1NlRrwPOTErjtyX83MkGKLV6dFcN0Zzs", "kty": "EC", "use": "sig"}', '\x019e23cb79ffc3f3a708b18c84c0fa20a73fdfe2bbc6fc6438a32c421a0cfe342f4b6a967fe5542b529337c05c3d4c0d7372fd0dee004eddacfb25d7ac3ebe5b5a99238d210fdde93533cf14a64d620e057101c3ce48b80b5c1c227fff15a4b6b331b79f92a2e90aa8f9d491ae20189d25a48af8ededae291803efe00962aea108bb274d3e2955e1132e21c3b37d19f09f1e355d1d297396f54a1b1860405c2356ed90a75cc873862915ce2c9a9c97', '2026-11-28 18:16:33.716+00', '2026-11-28 18:16:33.716+00', NULL, '2026-11-28 18:16:37.361+00');
INSERT INTO public.signing_keys VALUES ('1X9MxPBpjqyW9-IYPXGZM8_RRyH6ooUBbICRhbNKZWs', 'ES256', '{"x": "CCPSQCClBdXRgtIq6KSEq5ZV8XCebHiJHrp3rR2OP3M", "y": "fipXlagX2OzuUUxvNHBHm3vd-83fEVQb6cWLj0wRZjE", "alg": "ES256", "crv": "P-256", "kid": "1X9MxPBpjqyW9-IYPXGZM8_RRyH6ooUBbICRhbNKZWs", "kty": "EC", "use": "sig"}', '\x019e23cb79ffc3f3a7ae1e9fb72579a476ae4da26a2d0b704747d0c133de536da96d8a64509a69f33d274e116eb9c450e90cac4cc4dfb890e38aa39cfb7cc1b45fe1218d7eb5baf49a189cdb8092275b9a95036e943c75f5c451cc12f26da6c278773f4b0bbd237a46c0e4ac48ac1c1f8e572ee8fe5e2cfc5a3c37267da3b9ea2f15f4295e90eb7935f2726f51962bdd90c3a1e779830ce548ee3e9aafbbbcf43858e1c9dafc2d7ef759cdd4663e42', '2026-11-28 18:16:37.361+00', '2026-11-28 18:16:44.876+00', NULL, NULL);
INSERT INTO public.signing_keys VALUES ('OMBxFxNhMN7KxzzYVABhGUtOEhsgB9yvo0lJLuDt6VY', 'ES256', '{"x": "kE8wdGubWHU49dGJhgykMh1xnSuKbPnonbeGwREW9kA", "y": "WCoBQDJT2CDkh71_9F1v_nA2OJtPTxiehPgT-ZGLHl4", "alg": "ES256", "crv": "P-256", "kid": "OMBxFxNhMN7KxzzYVABhGUtOEhsgB9yvo0lJLuDt6VY", "kty": "EC", "use": "sig"}', '\x019e23cb79ffc3f3a77a334ba103e5110ae99fdd183c81720555d1e3c5f6c9b47958d26e4b13f9c3171a23e55912305a00a0f8e9522c0e6d160e91e328e175cd73eb27856a9e329ca853395d6769f4a964d3a141993ce30b01216c78679fec236695006de9358ce9c26e07cc9d8c012d07a921d74783f81e79697877937117b9688dcbcda1d3314b029f49e68c7709e13437109d47edbfb1abb062211a2cd5f9b5638bd2971989efcb610dc35731e7', '2026-11-28 18:16:44.876+00', NULL, NULL, NULL);
INSERT INTO public.signing_keys VALUES ('LtEqymv2Rw82-p7qBTSFfRTqbVdTz8wOYCwL82IqVwc', 'ES256', '{"x": "5shl_A2sY0JNlv5S1U3bfNYofGhm0slNP366Y-O63qQ", "y": "oBY7zGEwL0OS8NTDCOR8AWnuhkJ9h03tFPpdceV0zLg", "alg": "ES256", "crv": "P-256", "kid": "LtEqymv2Rw82-p7qBTSFfRTqbVdTz8wOYCwL82IqVwc", "kty": "EC", "use": "sig"}', NULL, '2026-11-28 18:16:33.763+00', '2026-11-28 18:16:37.361+00', '2026-11-28 18:16:46.039+00', '2026-11-28 18:16:44.876+00');
INSERT INTO public.signing_keys VALUES ('BBPoqjwewKYA0PuIHJ1SEhyRw-gqk48hrfY0ehFOsjw', 'RS256', '{"e": "AQAB", "n": "2AipDZnjJopIjPFeYsqxNGJal3ARj1dsBbiDsd5V6I6g6yra1BSJ4lXarol7k9m0va72XBTTaGqZuGUBdLz6R09_8sd_KcmZDFSFeUxa5U2mVWCU259byx9kHV44JzWUtLMBqyBUN-btNIOi2eiwfOcNOk9zK_kJ_x--0sq4A1DS92_ntJOXtKKtA2gYnTXDo6wLNlnS_v9vSu5HAu8_bG4DvLZz5YVWywxx4R6XmFhnut1ATxWiDj12juj9SmvrgJkSvdqU9epBIEQj9Pjc_s6AfpXP7uYu9iLbGDNPp8ueR4p3hYCUJeS1_fft15JW5BuQwmltLRLBu0s46vrQmQ", "alg": "RS256", "kid": "BBPoqjwewKYA0PuIHJ1SEhyRw-gqk48hrfY0ehFOsjw", "kty": "RSA", "use": "sig"}', '\x019e23cb79ffc3f3a7b9e561ca65e6165bec81d019b178f2a8c2e9858c8ce66d1f76aff2aa452da97a5fcba647a402e36a469bc3d0a2ae015974c0d4cf94db5dcf6dc7a096867b7bc17d775f316494f8da4f2b8d1f22a3e10edb49ae292a53316179c3e0f7ee2c6fbe6f7e58042d6ee55ba86180632b9bfcf239bcde7e79073e9ff26cd5656b3241cbae510a842662076777f22572e46cdc0535fedd512c4b0160c3aa73f0652a4d3ac6ff02ccc51158dd61ab4d5f8c4ec2a712d499551789a46b63aa6f51b48dc7dab4dca4928720e596c5c1df7af8a5cdbe59749b2aaa4aa3213c0af04075776c4f6770cded5d9299597624d8cc7301a4307463d9e46b5c76cbf3a12dbe5b361b327bc8cdb0176a4861ce64cfd1d58bc7e6b78a2e0d80f11029699226f5830d4d2e8bcb1b1a80f1bbb267085b753d277fba317b649b33c5613373f23e8a665cfe5109d05fdfde125343f607cee23060639480ae33878cf0cb2802c0398e084bd5463ee0d68fa1ea5b29551553f2421e55b541d0b425522f1c209a0b9d8fcc6d2b48f6f766c2a5311c94b03b29d32dfad34d1119dfea2a582ea9da11b60d0e41e0dba01d002db353230b22fb9ab97dab25d992dd2359f76f488f5bbca8e6491d25fdd809acb4bb5e9127fb4e5b6c7ea2dcabcf73777da4a361e7d467918346faf4c214f688bd808611443c4b35873f87b025ac0cd4a1cd50abea41f8c587f65bde89407ab476de56b8bc8b1b6e22e93060e3b2d0cba70fe59b3cb8017968a193e47f7ecebba95d710b65719bf555f42f5f7f1d3b85dbe80192b8b981d4ade1a9df8f29e359e68a17009aa8c43b192aa5da0ff522eca014aae6cdcdfb890d3bdd9322bbd79155140e7216876df01907bdfbdb39610363cb6269cea93f1a575bd64f8aa599076e6fa808e58c2f049c83bf81865623c6251c58e0cd60cd525155c4b39c78eac00812d706c7f80e32f10b9a50493a705e4e786f612423122b24560d4897e6c7ace8a99a452a2ac99de28a2568af06e52c66d60e56d7cbadc060c8e6ca6d42f10d9054fddb8dd8851545480ebe599f77f59816f90318641df9e4f1cbabef5cf520669c270428df6e02f9b248ba99424395249d7b30b78d6f703ccf67f19083438ef3744e90ae21c31cb12d7a2514af55291c239b92588bc33f0efb8ffd3711db22b571422a30ee6809578fb6945433020705f71faf29ba4f4717ae72c981448ef3725cd69b85ba5e33c10482fa795cdd3c8b76c7d8c038f300717d6fed84e1737575a8b72eed90e04e2054d05f8fd183c5c0a499a8c9a1df0110557f06915b7771e0c24213799fbeb8c358933c29f12135117d2349198dbf7854d9634e42e6aa86310d4a2d0fff173b8537d28b490a221fe9e1b45bc8b11dc66d5589f6727a678f8d2c1f29631a9672b049dc2cddefc2bb64e21a12ed322c58a82b951ce10f845a1614afdd30c012ede77e38a4dd321f2b48c8168389910e579818627b35cbc332ba9d9515146ed13c2d824cc272cf918358f5d98b623a5949bde38537211306cbcb6abc7ecad16a7d52e41e39c58b20deb3f7448148bfa2d78087f85daa04a49e3f4cea2e74217ffe5c72b7389940e6d44d4f3504d27909f577e6dff4a0b6d4514da6977b8d14f41d858bb3ca81e544b60639f4e9b6b018318364952800b5727804eb494c3f76c297f168df6a66dc85b3d5f316dd9c94625205f68ab9789f9bbc23a24bee75fcc324076b66a0e627a4917d0eeec8c614d82b5dbe', '2026-11-28 18:16:49.462+00', '2026-11-28 18:16:52.528+00', NULL, NULL);


--
-- Data for Name: users; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.users VALUES ('01a2235f-8b77-77d2-af25-4233bce65d01', 'Ada@Example.com', 'ada@example.com', '$argon2id$v=19$m=19456,t=2,p=1$A7ze6rVwMD4cjAeNcYAlFQ$29ein7VNikaDblNumMKZ2ibh+GM+2O+qgSUAX40FMwI', NULL, '2026-11-28 18:16:33.94+00');
INSERT INTO public.users VALUES ('01a2235f-8bd6-78af-a3e8-251919246f62', 'o''brien+tag/%_~@Example.COM', 'o''brien+tag/%_~@example.com', '$argon2id$v=19$m=19456,t=2,p=1$445SDvSNMngr8N1XW7i2UA$aW2lMAfjuoo0ESPRWKjjsi5GvCZ6WLSafEYqf5pejfg', NULL, '2026-11-28 18:16:34.035+00');
INSERT INTO public.users VALUES ('01a2235f-8cd5-7d1d-ba51-7fbd914cae82', 'locked@example.com', 'locked@example.com', '$argon2id$v=19$m=19456,t=2,p=1$yg3pd1cruRhLKWd3EMQT2Q$5HYCJuwd6GfQc0lSx4M/D8NSEpiRpYP+CvdhduuWsb4', NULL, '2026-11-28 18:16:34.272+00');
INSERT INTO public.users VALUES ('01a2235f-8c24-7386-985b-f4021ae919ce', 'disabled@example.com', 'disabled@example.com', '$argon2id$v=19$m=19456,t=2,p=1$l2iZgmGFcg1jj6ulNvlwJg$gJc/gpULVmey5Hbb/ZJQfLK8vAzmiegneXtyH7FI0+k', '2026-11-28 18:16:58.772+00', '2026-11-28 18:16:34.256+00');
INSERT INTO public.users VALUES ('01a2235f-8cf2-751c-b35e-d5657e1e534b', 'changed@example.com', 'changed@example.com', '$argon2id$v=19$m=19456,t=2,p=1$AxCa+c/toIB5iDBlg5nI2g$Octzd0AhxKhXLcHflp+W8h3It87wYUftII4NQvnY3Ho', NULL, '2026-11-28 18:16:34.304+00');


--
-- Name: audit_events_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.audit_events_id_seq', 30, true);


--
-- Name: revocations_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.revocations_id_seq', 6, true);


--
-- Name: _prisma_migrations _prisma_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._prisma_migrations
    ADD CONSTRAINT _prisma_migrations_pkey PRIMARY KEY (id);


--
-- Name: account_guards account_guards_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.account_guards
    ADD CONSTRAINT account_guards_pkey PRIMARY KEY (key);


--
-- Name: audit_events audit_events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit_events
    ADD CONSTRAINT audit_events_pkey PRIMARY KEY (id);


--
-- Name: devices devices_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_pkey PRIMARY KEY (id);


--
-- Name: rate_limits rate_limits_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.rate_limits
    ADD CONSTRAINT rate_limits_pkey PRIMARY KEY (key);


--
-- Name: revocations revocations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.revocations
    ADD CONSTRAINT revocations_pkey PRIMARY KEY (id);


--
-- Name: sessions sessions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);


--
-- Name: signing_keys signing_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.signing_keys
    ADD CONSTRAINT signing_keys_pkey PRIMARY KEY (kid);


--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);


--
-- Name: audit_events_user_id_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX audit_events_user_id_id_idx ON public.audit_events USING btree (user_id, id);


--
-- Name: devices_user_id_created_at_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX devices_user_id_created_at_idx ON public.devices USING btree (user_id, created_at);


--
-- Name: sessions_user_id_created_at_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_user_id_created_at_idx ON public.sessions USING btree (user_id, created_at);


--
-- Name: users_email_lower_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX users_email_lower_key ON public.users USING btree (email_lower);


--
-- Name: audit_events audit_events_kept; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER audit_events_kept BEFORE DELETE ON public.audit_events FOR EACH ROW WHEN ((old.occurred_at > (now() - '1 day'::interval))) EXECUTE FUNCTION public.refuse_audit_change();


--
-- Name: audit_events audit_events_unchanged; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER audit_events_unchanged BEFORE UPDATE OR TRUNCATE ON public.audit_events FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_audit_change();


--
-- Name: devices devices_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.devices
    ADD CONSTRAINT devices_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON UPDATE CASCADE ON DELETE CASCADE;


--
-- Name: sessions sessions_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON UPDATE CASCADE ON DELETE CASCADE;


--
-- PostgreSQL database dump complete
--

\unrestrict S8V9EbUYVzQ50ucPPQwFA2e0AFu490o00sGU0XWJ4Ce9t2vNxpe5moljcwLxzcN

