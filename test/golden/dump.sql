--
-- PostgreSQL database dump
--

\restrict qdymcGSxnALOBwJZTDPQN9Qgk5YAlWOh8Yp3EHShWUnO40NKTDCDn5jRRcwT0A9

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

INSERT INTO public._prisma_migrations VALUES ('20938780-de94-4154-b604-072a7b568f9e', 'eb1fd4456aa9f2c19d5f6acfe57586aae784e264a946409ed4980302fc3520e9', '2026-11-28 18:04:49.558+00', '20261123120000_users_sessions_keys', NULL, NULL, '2026-11-28 18:04:49.474+00', 1);
INSERT INTO public._prisma_migrations VALUES ('a60f7459-f7ea-4e5d-8558-4b5331c59937', '88aa0f5f4b5ccd8831083806cf360a92e76611bbc0ef2f5f7787b6589ed92d49', '2026-11-28 18:04:49.639+00', '20261125101246_refresh_revocations_key_states', NULL, NULL, '2026-11-28 18:04:49.56+00', 1);
INSERT INTO public._prisma_migrations VALUES ('738b3ab9-7dc5-49dd-b0ee-b661ba3d325a', '7d91a2d4f6a00a5d2a0dbabb91b2adcef33ba01385ba6c32c17030b298c31411', '2026-11-28 18:04:49.679+00', '20261126220000_limits_devices', NULL, NULL, '2026-11-28 18:04:49.642+00', 1);
INSERT INTO public._prisma_migrations VALUES ('7a779fe4-0661-4472-a42a-598e3b5a3bde', '7084f45ac5efe751740888246c8c26bcf5f330b10f9937f432814c69a8f4d661', '2026-11-28 18:04:49.709+00', '20261127010000_audit_events', NULL, NULL, '2026-11-28 18:04:49.682+00', 1);


--
-- Data for Name: account_guards; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.account_guards VALUES ('\xfeb81624674f21f2d8c9d5739d3db768', 16, '2026-11-28 18:07:23.875006+00');
INSERT INTO public.account_guards VALUES ('\xcbe1841a3c9d3aa6b81596a3ed8aeba3', 10, '2026-11-28 18:06:21.59642+00');


--
-- Data for Name: audit_events; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.audit_events VALUES (1, '2026-11-28 18:04:51.866+00', 'user_registered', 'user', '01a22354-d50c-7a9f-ba94-e35577d6ff73', NULL, '192.0.2.1', 'golden/1 "quoted" \ (;)', 'e21538b2-68c7-4e41-8524-09d43c1f2d67', '{}');
INSERT INTO public.audit_events VALUES (2, '2026-11-28 18:04:51.96+00', 'user_registered', 'user', '01a22354-d54a-75c7-a9ee-af3b83c2e87c', NULL, '192.0.2.1', 'golden/1 "quoted" \ (;)', '22481705-fb90-4491-84c4-246952c93892', '{}');
INSERT INTO public.audit_events VALUES (3, '2026-11-28 18:04:51.983+00', 'user_registered', 'user', '01a22354-d583-7146-96d9-6632ffd83dfe', NULL, '192.0.2.1', 'golden/1 "quoted" \ (;)', '0738246e-1fcb-4dbb-b5d5-b682588e0121', '{}');
INSERT INTO public.audit_events VALUES (4, '2026-11-28 18:04:52.004+00', 'user_registered', 'user', '01a22354-d597-7a75-83e3-ef2cb7c726da', NULL, '192.0.2.1', 'golden/1 "quoted" \ (;)', '1d63d51d-df9e-4c98-819f-ef585674bf79', '{}');
INSERT INTO public.audit_events VALUES (5, '2026-11-28 18:04:52.036+00', 'user_registered', 'user', '01a22354-d5ba-72bf-9a9f-ffd36315ee0e', NULL, '192.0.2.1', 'golden/1 "quoted" \ (;)', '8b16c5a8-b57b-4d2b-bc4c-b9fd84a9360f', '{}');
INSERT INTO public.audit_events VALUES (6, '2026-11-28 18:04:52.068+00', 'user_registered', 'user', '01a22354-d5cf-7f65-ae3f-187d0e9556fe', NULL, '192.0.2.1', 'golden/1 "quoted" \ (;)', '54cb4286-7e6f-4411-8939-875de07e9e26', '{}');
INSERT INTO public.audit_events VALUES (7, '2026-11-28 18:04:52.144+00', 'session_started', 'user', '01a22354-d50c-7a9f-ba94-e35577d6ff73', '01a22354-d62e-775c-b91c-8422ddbc44be', '192.0.2.1', 'golden/1 "quoted" \ (;)', '82ecdcbf-52ec-47da-a2e1-f04d9a7cd969', '{}');
INSERT INTO public.audit_events VALUES (8, '2026-11-28 18:04:54.766+00', 'key_rotated', 'operator', NULL, NULL, NULL, NULL, NULL, '{"kid": "dDqm1GUE5YmpKtvAsqXsGB8g8jUN09DqMX6xCTeA4FM"}');
INSERT INTO public.audit_events VALUES (9, '2026-11-28 18:04:57.145+00', 'session_started', 'user', '01a22354-d50c-7a9f-ba94-e35577d6ff73', '01a22354-e9b7-7b18-93da-87033cb3ba32', '192.0.2.1', 'golden/1 "quoted" \ (;)', '7fc2e989-eadd-4856-9483-900a373c02f8', '{}');
INSERT INTO public.audit_events VALUES (10, '2026-11-28 18:04:59.814+00', 'key_rotated', 'operator', NULL, NULL, NULL, NULL, NULL, '{"kid": "nBPEedsIaWRL1Ve2Uil6HAtN9aGawOM_mEWw2qGW2Uw"}');
INSERT INTO public.audit_events VALUES (11, '2026-11-28 18:05:01.725+00', 'key_revoked', 'operator', NULL, NULL, NULL, NULL, NULL, '{"kid": "dDqm1GUE5YmpKtvAsqXsGB8g8jUN09DqMX6xCTeA4FM"}');
INSERT INTO public.audit_events VALUES (12, '2026-11-28 18:05:07.725+00', 'key_rotated', 'operator', NULL, NULL, NULL, NULL, NULL, '{"kid": "q8Va-ieMrBUFFc8CZoX_WhNoDC2Fjt5lYSkHH0yekh4"}');
INSERT INTO public.audit_events VALUES (13, '2026-11-28 18:05:09.924+00', 'session_started', 'user', '01a22354-d50c-7a9f-ba94-e35577d6ff73', '01a22355-1ba2-7609-9123-5ef66e3c0bc4', '192.0.2.1', 'golden/1 "quoted" \ (;)', 'e62aabc8-19d1-4788-bb8d-438a809418ba', '{}');
INSERT INTO public.audit_events VALUES (14, '2026-11-28 18:05:12.867+00', 'session_started', 'user', '01a22354-d597-7a75-83e3-ef2cb7c726da', '01a22355-271f-725f-802e-96feb613afef', '192.0.2.1', 'golden/1 "quoted" \ (;)', '1a965a51-1777-4cb5-854a-49c3194b3aba', '{}');
INSERT INTO public.audit_events VALUES (15, '2026-11-28 18:05:13.145+00', 'session_started', 'user', '01a22354-d50c-7a9f-ba94-e35577d6ff73', '01a22355-2836-79f1-b04d-579602a6136f', '192.0.2.1', 'golden/1 "quoted" \ (;)', '2d8c04c6-d602-4e7a-afd4-d9a8bd8843fe', '{}');
INSERT INTO public.audit_events VALUES (16, '2026-11-28 18:05:13.346+00', 'session_started', 'user', '01a22354-d50c-7a9f-ba94-e35577d6ff73', '01a22355-28ea-7225-a451-36e2dfc1d442', '192.0.2.1', 'golden/1 "quoted" \ (;)', 'fe5cb7d9-db11-46ca-b1bd-93452033482d', '{}');
INSERT INTO public.audit_events VALUES (17, '2026-11-28 18:05:13.47+00', 'session_started', 'user', '01a22354-d50c-7a9f-ba94-e35577d6ff73', '01a22355-2971-7e47-aeeb-2093da798ac7', '192.0.2.1', 'golden/1 "quoted" \ (;)', 'd76c1fb6-9ccd-4c10-b22d-22b5f5030cad', '{}');
INSERT INTO public.audit_events VALUES (18, '2026-11-28 18:05:13.49+00', 'session_ended', 'user', '01a22354-d50c-7a9f-ba94-e35577d6ff73', '01a22355-2971-7e47-aeeb-2093da798ac7', '127.0.0.1', 'node', '0b354061-dfc4-4609-833c-4c9f2dcb8d55', '{}');
INSERT INTO public.audit_events VALUES (19, '2026-11-28 18:05:13.521+00', 'session_started', 'user', '01a22354-d50c-7a9f-ba94-e35577d6ff73', '01a22355-29af-74d6-8854-f85c0fd49c5f', '192.0.2.1', 'golden/1 "quoted" \ (;)', '419697f6-1214-441b-8655-e035992fa967', '{}');
INSERT INTO public.audit_events VALUES (20, '2026-11-28 18:05:13.59+00', 'refresh_token_reused', 'user', '01a22354-d50c-7a9f-ba94-e35577d6ff73', '01a22355-29af-74d6-8854-f85c0fd49c5f', '192.0.2.1', 'golden/1 "quoted" \ (;)', '65283718-9929-40aa-8ec9-a09300265ee5', '{"counter": 0}');
INSERT INTO public.audit_events VALUES (21, '2026-11-28 18:05:13.865+00', 'session_started', 'user', '01a22354-d50c-7a9f-ba94-e35577d6ff73', '01a22355-2b07-7bd7-b9d7-6f563b0fc6ad', '192.0.2.1', 'golden/1 "quoted" \ (;)', '39382c93-14e4-42c9-93d0-538a54da430e', '{}');
INSERT INTO public.audit_events VALUES (22, '2026-11-28 18:05:13.974+00', 'session_started', 'user', '01a22354-d583-7146-96d9-6632ffd83dfe', '01a22355-2b73-7067-bada-f91c96b82c74', '192.0.2.1', 'golden/1 "quoted" \ (;)', 'f25fbec4-8bdd-4cf2-82b2-387ce1afa932', '{}');
INSERT INTO public.audit_events VALUES (23, '2026-11-28 18:05:15.378+00', 'user_disabled', 'operator', '01a22354-d583-7146-96d9-6632ffd83dfe', NULL, NULL, NULL, NULL, '{"endedSessions": 1}');
INSERT INTO public.audit_events VALUES (24, '2026-11-28 18:05:15.443+00', 'session_started', 'user', '01a22354-d54a-75c7-a9ee-af3b83c2e87c', '01a22355-3132-7874-b5f8-25719142b4ed', '192.0.2.1', 'golden/1 "quoted" \ (;)', '40e05435-d467-43fe-bd6e-67142a8798df', '{}');
INSERT INTO public.audit_events VALUES (25, '2026-11-28 18:05:15.463+00', 'session_started', 'user', '01a22354-d5ba-72bf-9a9f-ffd36315ee0e', '01a22355-3145-73f2-ac62-329c27647060', '192.0.2.1', 'golden/1 "quoted" \ (;)', '32c76844-d6b2-45ff-a3f6-b93f363a5788', '{}');
INSERT INTO public.audit_events VALUES (26, '2026-11-28 18:05:15.492+00', 'session_started', 'user', '01a22354-d5ba-72bf-9a9f-ffd36315ee0e', '01a22355-3162-78eb-a6f0-2269c4ecbc75', '192.0.2.1', 'golden/1 "quoted" \ (;)', '30b1fe58-1beb-4e3a-ad16-7b0a57c1f565', '{}');
INSERT INTO public.audit_events VALUES (27, '2026-11-28 18:05:15.547+00', 'password_changed', 'user', '01a22354-d5ba-72bf-9a9f-ffd36315ee0e', NULL, '192.0.2.1', 'golden/1 "quoted" \ (;)', 'c75716bd-0614-4317-bf6f-fe8a4dd280ce', '{"endedSessions": 1}');
INSERT INTO public.audit_events VALUES (28, '2026-11-28 18:05:15.568+00', 'session_started', 'user', '01a22354-d5cf-7f65-ae3f-187d0e9556fe', '01a22355-31af-70d4-b0a0-6bf091da0ecb', '192.0.2.1', 'golden/1 "quoted" \ (;)', '772e0a6c-1477-4936-b3b7-36feba9c1cf6', '{}');
INSERT INTO public.audit_events VALUES (29, '2026-11-28 18:05:16.962+00', 'user_deleted', 'operator', '01a22354-d5cf-7f65-ae3f-187d0e9556fe', NULL, NULL, NULL, NULL, '{"endedSessions": 1}');
INSERT INTO public.audit_events VALUES (30, '2026-11-28 18:06:20.656+00', 'session_started', 'user', '01a22354-d50c-7a9f-ba94-e35577d6ff73', '01a22356-2fee-7fb3-b02d-94f3b8b8b8c0', '192.0.2.1', 'golden/1 "quoted" \ (;)', '76d08fd5-efbd-4920-983d-d1f8f5167ca7', '{}');


--
-- Data for Name: devices; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.devices VALUES ('01a22354-e9ba-7af9-9dcd-76a654200f4e', '01a22354-d50c-7a9f-ba94-e35577d6ff73', 0, '2026-11-28 18:04:57.148+00');
INSERT INTO public.devices VALUES ('01a22355-1bba-76c4-943d-07de12abfafa', '01a22354-d50c-7a9f-ba94-e35577d6ff73', 0, '2026-11-28 18:05:09.95+00');
INSERT INTO public.devices VALUES ('01a22355-2726-7fe8-8c61-117052a623e7', '01a22354-d597-7a75-83e3-ef2cb7c726da', 0, '2026-11-28 18:05:12.872+00');
INSERT INTO public.devices VALUES ('01a22355-2841-7a53-b28d-3e90aaab7744', '01a22354-d50c-7a9f-ba94-e35577d6ff73', 0, '2026-11-28 18:05:13.157+00');
INSERT INTO public.devices VALUES ('01a22355-2916-71f4-8224-ad99382147e2', '01a22354-d50c-7a9f-ba94-e35577d6ff73', 0, '2026-11-28 18:05:13.369+00');
INSERT INTO public.devices VALUES ('01a22355-297f-73f3-808a-ffa10dcb1619', '01a22354-d50c-7a9f-ba94-e35577d6ff73', 0, '2026-11-28 18:05:13.471+00');
INSERT INTO public.devices VALUES ('01a22355-29b3-7438-8e09-560e294f0d7f', '01a22354-d50c-7a9f-ba94-e35577d6ff73', 0, '2026-11-28 18:05:13.524+00');
INSERT INTO public.devices VALUES ('01a22355-2b0e-7cb5-b619-820c12ecd535', '01a22354-d50c-7a9f-ba94-e35577d6ff73', 0, '2026-11-28 18:05:13.871+00');
INSERT INTO public.devices VALUES ('01a22355-2b7c-7aba-8af1-8bed1f00df27', '01a22354-d583-7146-96d9-6632ffd83dfe', 0, '2026-11-28 18:05:13.984+00');
INSERT INTO public.devices VALUES ('01a22355-3134-7146-b943-01dce3c39f31', '01a22354-d54a-75c7-a9ee-af3b83c2e87c', 0, '2026-11-28 18:05:15.445+00');
INSERT INTO public.devices VALUES ('01a22354-d63a-7cf5-b7b6-0e1780e59c9a', '01a22354-d50c-7a9f-ba94-e35577d6ff73', 3, '2026-11-28 18:04:52.155+00');
INSERT INTO public.devices VALUES ('01a22356-2ff1-76c9-b9e3-434f3603368d', '01a22354-d50c-7a9f-ba94-e35577d6ff73', 0, '2026-11-28 18:06:20.657+00');


--
-- Data for Name: rate_limits; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.rate_limits VALUES ('\x8549ecfd922f5716c86fbf42079d78e8', '2026-11-28 18:46:51.970838+00');
INSERT INTO public.rate_limits VALUES ('\xd2bcdfb74ff427cb7b57ab3a3160c74b', '2026-11-28 18:52:51.85017+00');
INSERT INTO public.rate_limits VALUES ('\x970d67fe0d1d930776a9bb3e164bd07e', '2026-11-28 18:10:51.991099+00');
INSERT INTO public.rate_limits VALUES ('\xc0c6217e0a652b2757865a36c6f8c480', '2026-11-28 18:52:51.905679+00');
INSERT INTO public.rate_limits VALUES ('\xfa64d3557b5f975b28aceae15fa74f74', '2026-11-28 18:10:52.015489+00');
INSERT INTO public.rate_limits VALUES ('\xef5b20920aa6247b7dae0f54f03ddbf5', '2026-11-28 18:22:51.85017+00');
INSERT INTO public.rate_limits VALUES ('\xe01595a0c0871769d386b407dc334eef', '2026-11-28 18:10:52.046199+00');
INSERT INTO public.rate_limits VALUES ('\xe44f5f221adbf04bbde5bfbf5a0d8911', '2026-11-28 18:06:20.619345+00');
INSERT INTO public.rate_limits VALUES ('\x9402d74bfad2cb3abae19e0c1247fe89', '2026-11-28 18:06:20.63587+00');
INSERT INTO public.rate_limits VALUES ('\xe93751ccaf9f83b027151eb3b1c87ce5', '2026-11-28 18:06:20.719242+00');
INSERT INTO public.rate_limits VALUES ('\xa1dcd8a13e19468227aa835f3def4343', '2026-11-28 18:05:21.414379+00');
INSERT INTO public.rate_limits VALUES ('\xa4bad74f69ed23b368d9f81180da4d52', '2026-11-28 18:06:00.414379+00');
INSERT INTO public.rate_limits VALUES ('\xbdc6b912853eca9fa302afa51b5c67a7', '2026-11-28 18:05:15.574379+00');
INSERT INTO public.rate_limits VALUES ('\xd5c293682ec32eacfffbb5cc3b3e7fdd', '2026-11-28 18:05:18.896256+00');
INSERT INTO public.rate_limits VALUES ('\xdc8a5e16984fa5fb3599d82942d8a14d', '2026-11-28 18:05:57.896256+00');
INSERT INTO public.rate_limits VALUES ('\xc434e801dda739766ab2c5437561d5ac', '2026-11-28 18:05:13.056256+00');
INSERT INTO public.rate_limits VALUES ('\xf9827410ac9d31ffc3ba421759ccabe2', '2026-11-28 18:06:20.755484+00');
INSERT INTO public.rate_limits VALUES ('\x107016ea8d3c3659b198dd5cb705baeb', '2026-11-28 18:05:19.054411+00');
INSERT INTO public.rate_limits VALUES ('\x0811e64ca5a6f9f5276c49368db36623', '2026-11-28 18:05:58.054411+00');
INSERT INTO public.rate_limits VALUES ('\xeba1084868758cf1ef7b107d00e48b8f', '2026-11-28 18:05:19.167023+00');
INSERT INTO public.rate_limits VALUES ('\xa00312cf47abef5e3acd43d8b015ff37', '2026-11-28 18:05:58.167023+00');
INSERT INTO public.rate_limits VALUES ('\x254c4f16259ca10892c3973c35e857fb', '2026-11-28 18:06:20.621664+00');
INSERT INTO public.rate_limits VALUES ('\xfa1f25b4cfb457022e79fd4945349014', '2026-11-28 18:06:21.003655+00');
INSERT INTO public.rate_limits VALUES ('\x97bd8aca8976baf8e050e5b43c80b3b4', '2026-11-28 18:06:20.761553+00');
INSERT INTO public.rate_limits VALUES ('\xecc13e686c6582b3666a2fc701105767', '2026-11-28 18:05:16.164612+00');
INSERT INTO public.rate_limits VALUES ('\xf5b0e267cce30d235d48253030907c20', '2026-11-28 18:05:19.320942+00');
INSERT INTO public.rate_limits VALUES ('\x5889876036ec76c46b264372cf2ac4c8', '2026-11-28 18:05:58.320942+00');
INSERT INTO public.rate_limits VALUES ('\xb9df092a77b3c7b775a965a265981e75', '2026-11-28 18:05:19.351308+00');
INSERT INTO public.rate_limits VALUES ('\x18f75429df08af6ffc12aec1da9e85e9', '2026-11-28 18:05:58.351308+00');
INSERT INTO public.rate_limits VALUES ('\xb32c956121b9d223f5f1cc2a82d24d25', '2026-11-28 18:05:13.187916+00');
INSERT INTO public.rate_limits VALUES ('\x5baad88812c30c3ebd4d9786029885ae', '2026-11-28 18:05:19.380343+00');
INSERT INTO public.rate_limits VALUES ('\xa7c93c0f78a6b875baf019058ee6bc23', '2026-11-28 18:05:58.380343+00');
INSERT INTO public.rate_limits VALUES ('\x8f1f562b8fade916c7009e302879d5f1', '2026-11-28 18:05:15.378598+00');
INSERT INTO public.rate_limits VALUES ('\x832bf47f796c115ddc5952b7021364ea', '2026-11-28 18:05:19.431241+00');
INSERT INTO public.rate_limits VALUES ('\xa6c0014e4671f4cd686295d3d559fbd2', '2026-11-28 18:05:58.431241+00');
INSERT INTO public.rate_limits VALUES ('\x00fb5efb399d21785c256792699e781e', '2026-11-28 18:05:13.591241+00');
INSERT INTO public.rate_limits VALUES ('\xa8416cd6083175eb2f7cadd86f8ff5c5', '2026-11-28 18:05:19.450658+00');
INSERT INTO public.rate_limits VALUES ('\xea3f4d472602ee04215c761a2b930a5f', '2026-11-28 18:05:58.450658+00');
INSERT INTO public.rate_limits VALUES ('\x63ef6315e415ee2c78f5b19e2cfb29e4', '2026-11-28 18:05:13.610658+00');
INSERT INTO public.rate_limits VALUES ('\xf2243b9f08443504a3a80e3eb10b7e92', '2026-11-28 18:05:19.467599+00');
INSERT INTO public.rate_limits VALUES ('\x846e936880de6111c5f4d567a3c4fb8d', '2026-11-28 18:05:58.467599+00');
INSERT INTO public.rate_limits VALUES ('\x01abedc89c1f5bfa75f339f7472ce2fa', '2026-11-28 18:05:19.291326+00');
INSERT INTO public.rate_limits VALUES ('\x30de1f8e655978df7beab1f04291c701', '2026-11-28 18:05:14.47514+00');
INSERT INTO public.rate_limits VALUES ('\x61c81767578087c8dec565bc5b96026c', '2026-11-28 18:05:19.521185+00');
INSERT INTO public.rate_limits VALUES ('\xef2010a9fdf9e17765c58c82dfd09044', '2026-11-28 18:05:58.521185+00');
INSERT INTO public.rate_limits VALUES ('\xe4abd0785e8abc4e70278cb9801638f4', '2026-11-28 18:05:13.681185+00');
INSERT INTO public.rate_limits VALUES ('\xf0bbf65ea6c6349b924e1484cb484cae', '2026-11-28 18:06:20.031626+00');
INSERT INTO public.rate_limits VALUES ('\xe82f87f431f48b1a4c07ba156c575b58', '2026-11-28 18:05:16.526941+00');
INSERT INTO public.rate_limits VALUES ('\x87a3bb9a17b619d96d250a1bd26d7a66', '2026-11-28 18:05:14.900888+00');
INSERT INTO public.rate_limits VALUES ('\x02a674371283e0be9b0e829506e796f1', '2026-11-28 18:05:14.992627+00');
INSERT INTO public.rate_limits VALUES ('\x5cfdb3bcd3006f5be9f26d49168f1912', '2026-11-28 18:05:15.448871+00');
INSERT INTO public.rate_limits VALUES ('\x655d3b6b3f6abd74b8982d0d245508d7', '2026-11-28 18:05:25.131326+00');
INSERT INTO public.rate_limits VALUES ('\xaaee560597ac7dec70a9fae5342603f9', '2026-11-28 18:06:04.131326+00');
INSERT INTO public.rate_limits VALUES ('\xa7739f884e92f36cb953745bb8489119', '2026-11-28 18:05:29.251643+00');
INSERT INTO public.rate_limits VALUES ('\x50c6c9690ae08666e66ad8bd4e95b588', '2026-11-28 18:06:08.251643+00');
INSERT INTO public.rate_limits VALUES ('\xeaaf4105985baba13003843e71e5a03d', '2026-11-28 18:05:37.380796+00');
INSERT INTO public.rate_limits VALUES ('\x673744a388dfb09e5b311de8bdefcfcd', '2026-11-28 18:06:16.380796+00');
INSERT INTO public.rate_limits VALUES ('\x1ef475c20bc9bcdf3d0f6771b7ff4545', '2026-11-28 18:05:53.507218+00');
INSERT INTO public.rate_limits VALUES ('\x062494cf5e7852b4816d0a5a988d7345', '2026-11-28 18:06:32.507218+00');
INSERT INTO public.rate_limits VALUES ('\x1a8e5898e9111ce356c4dd1d5896f93a', '2026-11-28 18:06:25.871626+00');
INSERT INTO public.rate_limits VALUES ('\x90dd1ef824659bfefafc7bb4c06f30f5', '2026-11-28 18:07:04.871626+00');
INSERT INTO public.rate_limits VALUES ('\x4f2d71ce593b8d1c71404e0a2ff8cf2f', '2026-11-28 19:06:19.894721+00');
INSERT INTO public.rate_limits VALUES ('\xc66796dc5cb54837229c13cc94b48d23', '2026-11-28 18:06:20.76166+00');
INSERT INTO public.rate_limits VALUES ('\x4de1dc83fec6a9c6f1d28e1e3df78dba', '2026-11-28 18:06:20.667513+00');
INSERT INTO public.rate_limits VALUES ('\xcebac7db6b5b8bedeec7c709b04d6529', '2026-11-28 18:07:20.44166+00');
INSERT INTO public.rate_limits VALUES ('\x935b25d937d68245b7d309f879ce5308', '2026-11-28 18:13:50.44166+00');
INSERT INTO public.rate_limits VALUES ('\x61060a7e22dc00bfa863c3ee58e47423', '2026-11-28 18:06:26.611781+00');
INSERT INTO public.rate_limits VALUES ('\x389e880f24438716fd4dbdb485acab8b', '2026-11-28 18:07:05.611781+00');
INSERT INTO public.rate_limits VALUES ('\x716e28b9a68a21149f46e1add242f18f', '2026-11-28 18:06:21.661553+00');


--
-- Data for Name: revocations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.revocations VALUES (1, 'kid', 'dDqm1GUE5YmpKtvAsqXsGB8g8jUN09DqMX6xCTeA4FM', '2026-11-28 18:05:01.727+00');
INSERT INTO public.revocations VALUES (2, 'sid', '01a22355-2971-7e47-aeeb-2093da798ac7', '2026-11-28 18:05:13.491+00');
INSERT INTO public.revocations VALUES (3, 'sid', '01a22355-29af-74d6-8854-f85c0fd49c5f', '2026-11-28 18:05:13.601+00');
INSERT INTO public.revocations VALUES (4, 'sid', '01a22355-2b73-7067-bada-f91c96b82c74', '2026-11-28 18:05:15.38+00');
INSERT INTO public.revocations VALUES (5, 'sid', '01a22355-3145-73f2-ac62-329c27647060', '2026-11-28 18:05:15.547+00');
INSERT INTO public.revocations VALUES (6, 'sid', '01a22355-31af-70d4-b0a0-6bf091da0ecb', '2026-11-28 18:05:16.964+00');


--
-- Data for Name: sessions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sessions VALUES ('01a22354-d62e-775c-b91c-8422ddbc44be', '01a22354-d50c-7a9f-ba94-e35577d6ff73', '2026-11-28 18:04:52.143+00', NULL, '192.0.2.0/24', 0, '2026-11-28 18:04:52.143+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a22354-e9b7-7b18-93da-87033cb3ba32', '01a22354-d50c-7a9f-ba94-e35577d6ff73', '2026-11-28 18:04:57.144+00', NULL, '192.0.2.0/24', 0, '2026-11-28 18:04:57.144+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a22355-1ba2-7609-9123-5ef66e3c0bc4', '01a22354-d50c-7a9f-ba94-e35577d6ff73', '2026-11-28 18:05:09.924+00', NULL, '192.0.2.0/24', 0, '2026-11-28 18:05:09.924+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a22355-271f-725f-802e-96feb613afef', '01a22354-d597-7a75-83e3-ef2cb7c726da', '2026-11-28 18:05:12.866+00', NULL, '192.0.2.0/24', 0, '2026-11-28 18:05:12.866+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a22355-2836-79f1-b04d-579602a6136f', '01a22354-d50c-7a9f-ba94-e35577d6ff73', '2026-11-28 18:05:13.144+00', NULL, '192.0.2.0/24', 3, '2026-11-28 18:05:13.183+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a22355-28ea-7225-a451-36e2dfc1d442', '01a22354-d50c-7a9f-ba94-e35577d6ff73', '2026-11-28 18:05:13.346+00', NULL, '192.0.2.0/24', 2, '2026-11-28 18:05:13.414+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a22355-2971-7e47-aeeb-2093da798ac7', '01a22354-d50c-7a9f-ba94-e35577d6ff73', '2026-11-28 18:05:13.47+00', '2026-11-28 18:05:13.487+00', '192.0.2.0/24', 1, '2026-11-28 18:05:13.478+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a22355-29af-74d6-8854-f85c0fd49c5f', '01a22354-d50c-7a9f-ba94-e35577d6ff73', '2026-11-28 18:05:13.52+00', '2026-11-28 18:05:13.574+00', '192.0.2.0/24', 2, '2026-11-28 18:05:13.547+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a22355-2b73-7067-bada-f91c96b82c74', '01a22354-d583-7146-96d9-6632ffd83dfe', '2026-11-28 18:05:13.974+00', '2026-11-28 18:05:15.368+00', '192.0.2.0/24', 1, '2026-11-28 18:05:13.998+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a22355-3132-7874-b5f8-25719142b4ed', '01a22354-d54a-75c7-a9ee-af3b83c2e87c', '2026-11-28 18:05:15.443+00', NULL, '192.0.2.0/24', 0, '2026-11-28 18:05:15.443+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a22355-3162-78eb-a6f0-2269c4ecbc75', '01a22354-d5ba-72bf-9a9f-ffd36315ee0e', '2026-11-28 18:05:15.491+00', NULL, '192.0.2.0/24', 0, '2026-11-28 18:05:15.491+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a22355-3145-73f2-ac62-329c27647060', '01a22354-d5ba-72bf-9a9f-ffd36315ee0e', '2026-11-28 18:05:15.463+00', '2026-11-28 18:05:15.538+00', '192.0.2.0/24', 0, '2026-11-28 18:05:15.463+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a22356-2fee-7fb3-b02d-94f3b8b8b8c0', '01a22354-d50c-7a9f-ba94-e35577d6ff73', '2026-11-28 18:06:20.655+00', NULL, '192.0.2.0/24', 1, '2026-11-28 18:06:20.663+00', 'golden/1 "quoted" \ (;)');
INSERT INTO public.sessions VALUES ('01a22355-2b07-7bd7-b9d7-6f563b0fc6ad', '01a22354-d50c-7a9f-ba94-e35577d6ff73', '2026-10-28 18:05:13.865+00', NULL, '192.0.2.0/24', 1, '2026-11-13 18:05:13.902+00', 'golden/1 "quoted" \ (;)');


--
-- Data for Name: signing_keys; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.signing_keys VALUES ('l1liWX34VtwTBOP217ksHzgPKS3P2DB39hZtc_vLaf4', 'RS256', '{"e": "AQAB", "n": "rhaRFwlCNvFen0k637XvtWXqgGrkwZ4hnX0cQF3VlthgxZNvXwLyEQBZUgdUpTPhgEhRH7iEqV00FaIdwXtCApEAE_YWvkWEPMd2TPLadT6O5A7_y2_GBM1TXMtslrS3bouAw9VotXYleTdL1sAox6fy-4G44FO_RQD5ES_8YPj3vyCvSDtdqDXXx568l3x3oQW-rgHLRUSAwyk_9KAz42VFmyF43VpWKps8iUftA69Wti7jmN_80A81P2diEJX5oLs-feSpG7cS8Wx7pC1s7vaujhiZVVOBGGZUMo34pod7W81d0jePZV2lY_HIWUiYm8LKzZHSo46sio72k35DlQ", "alg": "RS256", "kid": "l1liWX34VtwTBOP217ksHzgPKS3P2DB39hZtc_vLaf4", "kty": "RSA", "use": "sig"}', '\x0187063e9daa285fe5cf96781c3f668eb5928404307bb84a20b702f4b20331020d7f6a1336156537c5f79c2708a3bc5b4d65e97e44dbe896836996ca2401c52e888496c9a5a1e6cd4660763c926ec4c257717a2cdb2bfa152db4db03720a49215500dfdc7f8fe51ebe304b31d41d0e3da9de463ed9274584aea1df49c190625ebf482067a26f0b510a05424845c0d6d6cd49fc346a927411452a7f7ddc5e1b2862cbbd42748b1d8f72a6d0cb96332b829c710dbd34f47bf8887e1710166d4618b1639096cd4be1412667ff318c722454e3f3d804b02f6a0afb674a27a1fa3c23999da1cde57ba5b814fe78494d36f219029d94d4025317a9ea94f8326657a305f14e3c37fe044a4a17ec2b4685cf8b4dbe6dba50fefa4cd5a227f1bd723cf8b1f1dae925f7ce35fbb8ea34a9240d9b5cdb24aa90da8dee60cc1cf66872ee8b34a8a129b357f909d89e5c496cc1476b20654f5e88b51297a5d1e3dbe232d5a62875c384c567884a77485c2032005cb94c458e0521f122813fc5be9e090bb446d41a6946a19d2ef1b4a3a1b734e82c3df39cf2f3753b79684636a699dbcd66255486aa3d3deb413d8f5f0fcfc47a01f7f01676df4b4867102fdd9c934c8fa27ba8d65749fd586ea5c6974ead78eff11235329a08a80eb1c6a64866b890b3608bfad8e0d91a4c87b4c2f909194b1d0bca727cfbc69d8f03e2ed20a742f3b1260bce492d9dca7dce8f882ad1b068b0a7d37f1d25803d47841e20d75c3e58c81666329fb969f67f4dce2245538feb913cbbd0fe6da8dffa2fdd861afdec1e5e7041e4ea6fc7b486eaf17bb7e9ae6c25ad95215d3ea0051e2c22ec5148964d06c41e1c15097b06f2ebcfd650269210c7db46c66066f044e994988c9b4a4c92f7ef38cf2434991f469905cda8f3a1cdbd87c0a475393360bed577e558930c244df8f7f8f52320cc2f48eb720f74699cfd32741865487b2e5bf7092abad8d20b4895e4e2f09538bbcb97d8c45e2b4c55162ff5006d0acc8e5e1a07ace3595166e7d936413858fe7eeca6b6e73a5fae314b20e48430f7e4448d0b73ba877592c35b9523310b39db0e7af5e583f879601492dec1aab08488eb6c906988af70108e7990211a38e6404a6fd2e8a276ae9753aed73fd25363a164411d2a0a69f49b893990226d0f4251d0f5f14a3bd54007b838ec60aa11e11485f14cca06b7f33992639df7736c682bf0006e3e6b5286baeafce585a7b2d5fecf93a4cb6dc73714f052af6eb8ee276fe18049f462b41d916a30c15602001730d74f7d27b24baa690a412fac7e79b7a9ee0c7bc2f42da8cd8c7a7ac801d0eed178600bb4c1a911b0e99781caeb466cc06cf1d806be27063a17ca7d531db176da8b37e83a8e65bc9e049e54d8ddf472fd9810bbe84c56d4f7dd847ab6f23315f52beae0f96b6c2bab7ced0a10126ef14ba2c59d37b17ea33ed4a2aeecc6cd7bf61e6d6f1891e3f1507371b5d221d27affb524637f4ad51adba372d90f661d9ea71beab82dc7396fd773235ceee68020003ba75e82977582b57d51531a38591dc4cc8be213b059961415082ab8f23e2de37b32e4433fba3aa36ae60aed301f537fc2dd0dd9bef8a2ee30e27e670c8ec3e49a8d5137441a8569b4d88f26e6a71557f3e8e0b8bee1b4bfb05eff06120cae674243a322685ee670659381408613372874c66bf3fd4e3ffdee3fe42ee989de98d208671d30e0dc98e0fb1848db1f60e2230d16153fd24604d02c5730c0a9455e0d608fc2', '2026-11-28 18:05:07.719+00', NULL, NULL, NULL);
INSERT INTO public.signing_keys VALUES ('p9WXy_Xe2rJLcj0cdsdAguu0zO_6oygm_7redElEQFc', 'ES256', '{"x": "93dV7Rs3pD-6CrXzlQIKsQPFSzHC8nNumm8WSTWqXFw", "y": "BslHgJ5z9UbXXnGDgq4kuCy9Gn6cE9H-jRP0Ie0zOyk", "alg": "ES256", "crv": "P-256", "kid": "p9WXy_Xe2rJLcj0cdsdAguu0zO_6oygm_7redElEQFc", "kty": "EC", "use": "sig"}', '\x0187063e9daa285fe543d3208e34905d2be0c12148a41c3dbb1a75bccf8d7372e886e5f24d651bc963796c2b8faed5f723c4a234d848d886df03a87774b47f72aa333fb82574efda996e8eab5aa5cfeb73511920a1c013a73fd6987bf29297a1ca23bfd323a42cf56dc6093d914e6308649b08784c35619479780095f2d1f27a38146cbdcaf2a5f436547fa2cbbd1e2c072899aba61caa89d0f4f25fd2cfe6b7f4c71b51dc2f5cf2f2465eeea2be3a', '2026-11-28 18:04:51.59+00', '2026-11-28 18:04:51.59+00', NULL, '2026-11-28 18:04:54.75+00');
INSERT INTO public.signing_keys VALUES ('nBPEedsIaWRL1Ve2Uil6HAtN9aGawOM_mEWw2qGW2Uw', 'ES256', '{"x": "SdN7sIIxzChUD0MSoKMHurehb25m6A9ATmwoq63ceqk", "y": "Ti_GydfKXJFhu35otQ34uygdCM1_ImNpn9Oeo69Lxj0", "alg": "ES256", "crv": "P-256", "kid": "nBPEedsIaWRL1Ve2Uil6HAtN9aGawOM_mEWw2qGW2Uw", "kty": "EC", "use": "sig"}', '\x0187063e9daa285fe56800e6fdf1406ee664bd6d1b067e9a094339c7e5a9e15f9cc455cbfa99a20e5624e72bd723f3ad58f5d3e67471098b64eb62900a31c1996e381d67d663059690939b53b39cf376636a4468e36e33fc9d18862907639dd3864b4f4ebd9530a0dc2b42fa1be835e8e34a541aea8d0989cb9729d4f4e1e940e6ce04af189c41deb091e8a9e70de54ea3074b8372222efb01526eca65853f9541c86608a31f53b35ada2df4424020', '2026-11-28 18:04:54.75+00', '2026-11-28 18:04:59.783+00', NULL, NULL);
INSERT INTO public.signing_keys VALUES ('baFjMuDiuLufmv_iFhp9aJ-sbJd75MOS30pz3pTKiTk', 'ES256', '{"x": "ai6BE0k-lYWE5-IXRLevNvsB2LCVdfF-tFYIFFI6r_M", "y": "R0gBsmsVPdN0xyyzGmuUplAdO1OdcSfsI5Uqnc5OZxI", "alg": "ES256", "crv": "P-256", "kid": "baFjMuDiuLufmv_iFhp9aJ-sbJd75MOS30pz3pTKiTk", "kty": "EC", "use": "sig"}', '\x0187063e9daa285fe5cf0e5b1c02cab59550f5d18c1ccbc9022764b501ca5119533379f68c5b03574387030340f9d1b2f5647a4505a8a1c9cea2cbf4b7a0f070d54411fe4aa30132f54e38e6fe677bfcc43d20d34d8a1037a6a43e41ad4b8d092821bc01445b8af710609c66b4a6fa12c33d9789d00620bb2bd42e61c9661fbf253da9aa68f509de992e128b416bd970685c7e92027eeac610431aa65b52e3f5cccc2c10eeaebd4d309be4462e783b', '2026-11-28 18:04:59.783+00', NULL, NULL, NULL);
INSERT INTO public.signing_keys VALUES ('dDqm1GUE5YmpKtvAsqXsGB8g8jUN09DqMX6xCTeA4FM', 'ES256', '{"x": "05-jN5DKu6OgN4HePijsun3He86xwEnhK6COnKwt1u0", "y": "wx4l_OjcwXzHwU-dhnVMjQpQGk1oGjP74MtCXPw0D5s", "alg": "ES256", "crv": "P-256", "kid": "dDqm1GUE5YmpKtvAsqXsGB8g8jUN09DqMX6xCTeA4FM", "kty": "EC", "use": "sig"}', NULL, '2026-11-28 18:04:51.633+00', '2026-11-28 18:04:54.75+00', '2026-11-28 18:05:01.716+00', '2026-11-28 18:04:59.783+00');
INSERT INTO public.signing_keys VALUES ('q8Va-ieMrBUFFc8CZoX_WhNoDC2Fjt5lYSkHH0yekh4', 'RS256', '{"e": "AQAB", "n": "ndZxNlqVQVj2n3ttW6TxJv1gpczRjABQPRTRs4SJGjuqkElquZAJkZx_OKpwvFqDnoZyO87J74G5imhKc-XnPPnEmSaoqUuu2IawyKrHZhSgacYBZBYMqkGyIPa_NB2g7iByjMkr7k7ZPix7glGheaoyQ8OpUezSH86OqPOz8uOohaarbX_X6jJiRUwveC8oxBUmnpfXwRSrUqkcC-CpEucH07V1tXQq6Qnx0zEwOwGlAvNSMrZxLb-Ruy_6tHCE0eYlkW6hZS8Sv3umMvV39vKbx3f1bSqOhOiR-KDCc22gcK_EPQWdgh8HsV44Xv0mqJ-P0sTCYV4IDSrGycRBjQ", "alg": "RS256", "kid": "q8Va-ieMrBUFFc8CZoX_WhNoDC2Fjt5lYSkHH0yekh4", "kty": "RSA", "use": "sig"}', '\x0187063e9daa285fe5c41445e8efc6b0e633ce5753ab62738f54806a5351fff597b9d0aea38a7ce216c987a0ff65c9c73ddae7c1177e4446841e234b08c25b0f5ed644ce1281559b9bef82884930e4fa1e329524c99e93b81913655cc5719be2a89555d2f4512fcf12f9619c69f3851b082d8ed4f013cae0327b18b7e5bd4559340c64eaeacff50f9d81e749a5765d9afdb1862d6fe38d61c6bf4f3033495c44a5557b447adf0959dc29acde83c9394f77dfe4a43eeb8adb0f37f07593f38f94b7eec4521c38e77f9a7b6661a254f0ab2d49b4bbcc12135d710a8709479de8199631d3ca997dc2232858d9e1d82b246114cad257b1bedcdc1e0c2043949faa80a46dc1a8484ce90d856883a4366b984f3e1810c7bd7703dbb876e567640d1aa03356f0e01f904d888f1ecd9f4f77eb511bf1e544812d173ed32438b315f39ec81c96e928f135885c7458b88be9840e6b74d127f1a30397ad4e31832323a92ef41eb62d2109db8fb0950775e21ade0cf168c70f00e449e8b0070620b67a338645228a2694f8d3688592e0afdeaa12a15c03f99d193c53e06d34891f1141a1ed3f4092ded0c7d0055c2583ace1c50ca490f523e3e7e1ed8f3ffa7ef7aaba99723dd12b73eae65b888e517bbdd6f5e3adda82ce6025b8efc308b19dd17d98b8e4557e2ccbe21eb22aa87823e742289fadab5aea7faa0710f71b14d5294606303fa71413ced1c28700302df4ec22cb87191ba99f83d459f5fe78c3c19894b8682ee742c3cb89163b4fabddafc6fc33855a61ae50d0466c25208d21f545ede068c2e7e8e9875fe87e42b7b786fd5b5fd99abd4c32fadcc26c905fb9dd312ec0b838dd1e8af4e7951400872a6188b4ade3c988b0e7b78fea3921acd00e616b0af7de93a93ba58495025cc298cd7aa45b8f94c9c383582a07b1e6ec7dc89f166e671526dfd31f9b7ed4366eca3ac1826372c618d2b672bf6354dcf1460bc7641c09a37cf44e2b0bea7c35988558c77295f3cdafee75baae5303f041316923d40a3a9d6ec2dd0685d0d6a4d9762301bb3c2b34ae6bbbb7436a5ad09a62451114bd6deca2ceb5b8ac584918d5cdec86930894916967a2e18e2a537cc684bab1f4461b241ec05d747cf83b67b8946832a922f0277563bfb72a600f06d90fec7fb24fa626cd525b9d0d9cd5ff3a8f466bcb54df2211d5a6391484e282c681decf042472d88560ee63340663f6ba4e7987a553a55daf11149d62442844eac6de90cd1d572720b6c46001dd73e657e74a3659c69101272b763b77c5fe785f48b677272ac74f5f2565b4f891b982b3692a0b14444cd3b22190dbb0dbbc08d9cd1c69d1be9d017cd9c4df2679d94df3d966e22351bcbbd9070757ab678c5752634970deeed614517154e9935fa6c02a7184c7ae2dbe735ed6463d53130c527892059240b8597d0d820ce443134571bbd01220d6dea5f46f06cb7fcc0fd538a1e4bc2146f95a29b8ef5cf548a83858f9c33988c834f4d22d26887805e9ca6a8fd3af20b962c5750ad6919736e6458e69cb717760c2446b6abb29f9a8008c5077bed446eef4a4b7f07c5d06117539e2c4432b68a6db1e5f90a02a790521685c01e090d4a14bea3124a65bbd40c52fd8bb79a17024bbe7a4eee51e9450d55fbbddde7544a7e829700c4e6a3c39b8f4ba1162be79ae82d2906f7c681d3c43b33ccee8bca0210c9e3e630fea716493702c517bc3b05290427af19817082a7e00c7783440ab96730ad3b7a8091586d3d619', '2026-11-28 18:05:04.243+00', '2026-11-28 18:05:07.719+00', NULL, NULL);


--
-- Data for Name: users; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.users VALUES ('01a22354-d50c-7a9f-ba94-e35577d6ff73', 'Ada@Example.com', 'ada@example.com', '$argon2id$v=19$m=19456,t=2,p=1$VuNxyUVhnL3gNuG/Plagzg$dQrCk7vPdE+qAi8fx0i3DnmU8DCYf9CfB/FjJTBNBWE', NULL, '2026-11-28 18:04:51.863+00');
INSERT INTO public.users VALUES ('01a22354-d54a-75c7-a9ee-af3b83c2e87c', 'o''brien+tag/%_~@Example.COM', 'o''brien+tag/%_~@example.com', '$argon2id$v=19$m=19456,t=2,p=1$yixN4Fje4GXwLsKc7eGsow$z7DUJKHQv7KdSK21C+we3NZvjbEfX73Hq0B5PCyC46E', NULL, '2026-11-28 18:04:51.959+00');
INSERT INTO public.users VALUES ('01a22354-d597-7a75-83e3-ef2cb7c726da', 'locked@example.com', 'locked@example.com', '$argon2id$v=19$m=19456,t=2,p=1$fNTmfk44A1QPXLXtBw5lAg$SSVergLUuwQ87yHmlGYITuti6enwUUhGXMsuG1GKMtg', NULL, '2026-11-28 18:04:52.004+00');
INSERT INTO public.users VALUES ('01a22354-d583-7146-96d9-6632ffd83dfe', 'disabled@example.com', 'disabled@example.com', '$argon2id$v=19$m=19456,t=2,p=1$F0N3fuyyh41SClaMdslisw$mQJ+UhjkXuGUaz6vcgEK7i67gc+4nQ4yETv1DP1X+R4', '2026-11-28 18:05:15.369+00', '2026-11-28 18:04:51.982+00');
INSERT INTO public.users VALUES ('01a22354-d5ba-72bf-9a9f-ffd36315ee0e', 'changed@example.com', 'changed@example.com', '$argon2id$v=19$m=19456,t=2,p=1$znftfY3l6sZ7ts+xtllNLQ$vEpkXeAkwjaNkEZc9Gd564GcqdQb1fjf2/si/o9/JT8', NULL, '2026-11-28 18:04:52.036+00');


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

\unrestrict qdymcGSxnALOBwJZTDPQN9Qgk5YAlWOh8Yp3EHShWUnO40NKTDCDn5jRRcwT0A9

