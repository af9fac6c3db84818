CREATE SEQUENCE "public"."touched_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1;--> statement-breakpoint
CREATE TABLE "api_keys" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"tenant_id" uuid NOT NULL,
	"name" text NOT NULL,
	"hash" text NOT NULL,
	"scopes" text[] NOT NULL,
	"operator" boolean DEFAULT false NOT NULL,
	"expires_at" timestamp with time zone,
	"last_used_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "api_keys_hash_unique" UNIQUE("hash")
);
--> statement-breakpoint
CREATE TABLE "checkpoint" (
	"checkpoint_no" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "checkpoint_checkpoint_no_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"stream_no" integer NOT NULL,
	"epoch" bigint DEFAULT 1 NOT NULL,
	"seen" bigint DEFAULT 0 NOT NULL,
	"pages" bigint DEFAULT 0 NOT NULL,
	"moved_at" timestamp with time zone,
	"lease" uuid,
	"sync_id" uuid NOT NULL,
	"name" text NOT NULL,
	"kind" text NOT NULL,
	"source_no" integer,
	"generation" integer,
	"range_no" integer,
	"lo_ms" bigint,
	"hi_ms" bigint,
	"cursor" json,
	"done_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "checkpoint_syncId_name_unique" UNIQUE("sync_id","name")
);
--> statement-breakpoint
CREATE TABLE "consumer" (
	"consumer_no" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "consumer_consumer_no_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"stream_no" integer NOT NULL,
	"ack_wait_ms" integer DEFAULT 30000 NOT NULL,
	"max_ack_pending" integer DEFAULT 1000 NOT NULL,
	"max_deliver" integer DEFAULT -1 NOT NULL,
	"max_waiting" integer DEFAULT 20 NOT NULL,
	"fairness" text DEFAULT 'sync' NOT NULL,
	"filters" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"filter" jsonb,
	"sources" "int4"[],
	"source_rev" bigint DEFAULT -1 NOT NULL,
	"id" uuid DEFAULT gen_random_uuid() NOT NULL,
	"tenant_id" uuid NOT NULL,
	"name" text,
	"deliver_policy" jsonb DEFAULT '"all"'::jsonb NOT NULL,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "consumer_id_unique" UNIQUE("id")
);
--> statement-breakpoint
CREATE TABLE "consumer_state" (
	"consumer_no" integer NOT NULL,
	"op" bigint NOT NULL,
	"cursor_idx" bigint NOT NULL,
	"ahead_idx" bigint,
	"held" "int4"[],
	"held_from" "int8"[],
	"pending" integer DEFAULT 0 NOT NULL,
	"waiting" integer DEFAULT 0 NOT NULL,
	"out_floor" timestamp with time zone DEFAULT '-infinity' NOT NULL,
	"wait_floor" timestamp with time zone DEFAULT '-infinity' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "credentials" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"tenant_id" uuid NOT NULL,
	"provider" text NOT NULL,
	"kind" text NOT NULL,
	"name" text,
	"upstream_account" text NOT NULL,
	"livemode" boolean NOT NULL,
	"properties" jsonb NOT NULL,
	"ciphertext" "bytea" NOT NULL,
	"key_id" text NOT NULL,
	"base_url" text NOT NULL,
	"oauth_app_id" uuid,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"checked_at" timestamp with time zone,
	"refused_at" timestamp with time zone,
	"refused_reason" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "credentials_tenantId_provider_upstreamAccount_livemode_unique" UNIQUE("tenant_id","provider","upstream_account","livemode"),
	CONSTRAINT "credentials_tenantId_id_unique" UNIQUE("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "dead_letter" (
	"consumer_no" integer NOT NULL,
	"record_no" bigint NOT NULL,
	"idx" bigint NOT NULL,
	"deliver_count" integer NOT NULL,
	"died_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "dead_letter_consumer_no_record_no_pk" PRIMARY KEY("consumer_no","record_no")
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"tenant_id" uuid NOT NULL,
	"key" text NOT NULL,
	"route" text NOT NULL,
	"body_hash" text NOT NULL,
	"status" integer,
	"response" text,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "idempotency_keys_tenant_id_key_pk" PRIMARY KEY("tenant_id","key")
);
--> statement-breakpoint
CREATE TABLE "inflight" (
	"record_no" bigint NOT NULL,
	"idx" bigint NOT NULL,
	"next_idx" bigint,
	"op" bigint NOT NULL,
	"nonce" bigint NOT NULL,
	"due_at" timestamp with time zone NOT NULL,
	"consumer_no" integer NOT NULL,
	"deliver_count" integer NOT NULL,
	CONSTRAINT "inflight_consumer_no_record_no_pk" PRIMARY KEY("consumer_no","record_no")
);
--> statement-breakpoint
CREATE TABLE "oauth_apps" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"tenant_id" uuid NOT NULL,
	"provider" text NOT NULL,
	"name" text NOT NULL,
	"client_id" text NOT NULL,
	"ciphertext" "bytea" NOT NULL,
	"key_id" text NOT NULL,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "oauth_apps_tenantId_id_unique" UNIQUE("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "quarantine" (
	"source_no" integer NOT NULL,
	"upstream_id" text NOT NULL,
	"raw" json,
	"error" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "quarantine_source_no_upstream_id_pk" PRIMARY KEY("source_no","upstream_id")
);
--> statement-breakpoint
CREATE TABLE "quota" (
	"credential_id" uuid NOT NULL,
	"bucket" text NOT NULL,
	"tat_us" bigint DEFAULT 0 NOT NULL,
	"spacing_us" bigint DEFAULT 0 NOT NULL,
	"blocked_until" timestamp with time zone DEFAULT '-infinity' NOT NULL,
	"factor" real DEFAULT 1 NOT NULL,
	"factor_at" timestamp with time zone DEFAULT now() NOT NULL,
	"granted" bigint DEFAULT 0 NOT NULL,
	"refused_at" timestamp with time zone DEFAULT '-infinity' NOT NULL,
	"refused_granted" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "quota_credential_id_bucket_pk" PRIMARY KEY("credential_id","bucket")
);
--> statement-breakpoint
CREATE TABLE "quota_slot" (
	"credential_id" uuid NOT NULL,
	"bucket" text NOT NULL,
	"holder" uuid NOT NULL,
	"slots" integer NOT NULL,
	"low" integer NOT NULL,
	"wanted" integer NOT NULL,
	"seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "quota_slot_credential_id_bucket_holder_pk" PRIMARY KEY("credential_id","bucket","holder")
);
--> statement-breakpoint
CREATE TABLE "record" (
	"updated_idx" bigint NOT NULL,
	"record_no" bigint NOT NULL,
	"changed_at" timestamp with time zone NOT NULL,
	"observed_at" timestamp with time zone NOT NULL,
	"version" bigint,
	"upstream_created_at" timestamp with time zone,
	"upstream_updated_at" timestamp with time zone,
	"hash" uuid NOT NULL,
	"stream_no" integer NOT NULL,
	"source_no" integer NOT NULL,
	"deleted" boolean NOT NULL,
	"upstream_id" text NOT NULL,
	"data" json NOT NULL,
	CONSTRAINT "record_stream_no_source_no_upstream_id_pk" PRIMARY KEY("stream_no","source_no","upstream_id")
);
--> statement-breakpoint
CREATE TABLE "seen_page" (
	"source_no" integer NOT NULL,
	"generation" integer NOT NULL,
	"range_no" integer NOT NULL,
	"page_no" bigint NOT NULL,
	"ids" text[] NOT NULL,
	CONSTRAINT "seen_page_source_no_generation_range_no_page_no_pk" PRIMARY KEY("source_no","generation","range_no","page_no")
);
--> statement-breakpoint
CREATE TABLE "slices" (
	"sync_id" uuid NOT NULL,
	"name" text NOT NULL,
	"worker_id" uuid NOT NULL,
	"workflow_id" text NOT NULL,
	"run_id" text NOT NULL,
	"activity_id" text NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "slices_sync_id_name_pk" PRIMARY KEY("sync_id","name")
);
--> statement-breakpoint
CREATE TABLE "source" (
	"source_no" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "source_source_no_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"stream_no" integer NOT NULL,
	"sync_id" uuid NOT NULL,
	"collection_id" text NOT NULL,
	"provider" text NOT NULL,
	"external_id" text,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"phase" text DEFAULT 'waiting' NOT NULL,
	"generation" integer DEFAULT 0 NOT NULL,
	"backfilled_at" timestamp with time zone,
	"enumerate_due_at" timestamp with time zone DEFAULT now(),
	"last_checked_at" timestamp with time zone,
	"last_change_at" timestamp with time zone,
	"blocked_kind" text,
	"blocked_reason" text,
	"blocked_at" timestamp with time zone,
	"probe_at" timestamp with time zone,
	"error_message" text,
	"error_at" timestamp with time zone,
	"held" jsonb,
	"coverage" jsonb,
	"removed_at" timestamp with time zone,
	CONSTRAINT "source_syncId_collectionId_unique" UNIQUE("sync_id","collection_id")
);
--> statement-breakpoint
CREATE TABLE "stream" (
	"stream_no" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "stream_stream_no_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"source_rev" bigint DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "stream_head" (
	"stream_no" integer NOT NULL,
	"last_idx" bigint NOT NULL,
	"last_at" timestamp with time zone DEFAULT '-infinity' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "streams" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"tenant_id" uuid NOT NULL,
	"stream_no" integer NOT NULL,
	"slug" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "streams_streamNo_unique" UNIQUE("stream_no"),
	CONSTRAINT "streams_tenantId_slug_unique" UNIQUE("tenant_id","slug"),
	CONSTRAINT "streams_tenantId_id_unique" UNIQUE("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "syncs" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"tenant_id" uuid NOT NULL,
	"stream_id" uuid NOT NULL,
	"credential_id" uuid NOT NULL,
	"provider" text NOT NULL,
	"name" text,
	"status" text DEFAULT 'active' NOT NULL,
	"epoch" bigint DEFAULT 1 NOT NULL,
	"sync_frequency" text DEFAULT 'continuous' NOT NULL,
	"max_age_days" integer,
	"rate_limit" jsonb,
	"external_id" text,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"initial_backfill_completed_at" timestamp with time zone,
	"deadline_at" timestamp with time zone,
	"last_progress_at" timestamp with time zone,
	"error_kind" text,
	"error_message" text,
	"error_since" timestamp with time zone,
	"keep_records" boolean DEFAULT false NOT NULL,
	"deleted_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "syncs_tenantId_id_unique" UNIQUE("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "tenants" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"name" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"deleted_at" timestamp with time zone,
	CONSTRAINT "tenants_name_unique" UNIQUE("name")
);
--> statement-breakpoint
CREATE TABLE "touched" (
	"source_no" integer NOT NULL,
	"upstream_id" text NOT NULL,
	"seq" bigint DEFAULT nextval('touched_seq') NOT NULL,
	"first_seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"due_at" timestamp with time zone DEFAULT now() NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "touched_source_no_upstream_id_pk" PRIMARY KEY("source_no","upstream_id")
);
--> statement-breakpoint
CREATE TABLE "webhook_endpoints" (
	"token_hash" text PRIMARY KEY NOT NULL,
	"tenant_id" uuid NOT NULL,
	"provider" text NOT NULL,
	"credential_id" uuid NOT NULL,
	"ciphertext" "bytea" NOT NULL,
	"key_id" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "workers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"seen_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "checkpoint" ADD CONSTRAINT "checkpoint_source_no_source_source_no_fk" FOREIGN KEY ("source_no") REFERENCES "public"."source"("source_no") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "consumer" ADD CONSTRAINT "consumer_stream_no_stream_stream_no_fk" FOREIGN KEY ("stream_no") REFERENCES "public"."stream"("stream_no") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "consumer" ADD CONSTRAINT "consumer_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "credentials" ADD CONSTRAINT "credentials_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "credentials" ADD CONSTRAINT "credentials_tenant_id_oauth_app_id_oauth_apps_tenant_id_id_fk" FOREIGN KEY ("tenant_id","oauth_app_id") REFERENCES "public"."oauth_apps"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "idempotency_keys" ADD CONSTRAINT "idempotency_keys_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "oauth_apps" ADD CONSTRAINT "oauth_apps_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "quarantine" ADD CONSTRAINT "quarantine_source_no_source_source_no_fk" FOREIGN KEY ("source_no") REFERENCES "public"."source"("source_no") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "quota" ADD CONSTRAINT "quota_credential_id_credentials_id_fk" FOREIGN KEY ("credential_id") REFERENCES "public"."credentials"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "quota_slot" ADD CONSTRAINT "quota_slot_credential_id_credentials_id_fk" FOREIGN KEY ("credential_id") REFERENCES "public"."credentials"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "seen_page" ADD CONSTRAINT "seen_page_source_no_source_source_no_fk" FOREIGN KEY ("source_no") REFERENCES "public"."source"("source_no") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "source" ADD CONSTRAINT "source_stream_no_stream_stream_no_fk" FOREIGN KEY ("stream_no") REFERENCES "public"."stream"("stream_no") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "streams" ADD CONSTRAINT "streams_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "streams" ADD CONSTRAINT "streams_stream_no_stream_stream_no_fk" FOREIGN KEY ("stream_no") REFERENCES "public"."stream"("stream_no") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "syncs" ADD CONSTRAINT "syncs_tenant_id_tenants_id_fk" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "syncs" ADD CONSTRAINT "syncs_tenant_id_stream_id_streams_tenant_id_id_fk" FOREIGN KEY ("tenant_id","stream_id") REFERENCES "public"."streams"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "syncs" ADD CONSTRAINT "syncs_tenant_id_credential_id_credentials_tenant_id_id_fk" FOREIGN KEY ("tenant_id","credential_id") REFERENCES "public"."credentials"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "touched" ADD CONSTRAINT "touched_source_no_source_source_no_fk" FOREIGN KEY ("source_no") REFERENCES "public"."source"("source_no") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD CONSTRAINT "webhook_endpoints_tenant_id_credential_id_credentials_tenant_id_id_fk" FOREIGN KEY ("tenant_id","credential_id") REFERENCES "public"."credentials"("tenant_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "checkpoint_open" ON "checkpoint" USING btree ("source_no","generation","range_no") WHERE kind = 'range' and done_at is null;--> statement-breakpoint
CREATE INDEX "consumer_stream" ON "consumer" USING btree ("stream_no");--> statement-breakpoint
CREATE INDEX "consumer_tenant_id_created_at_id_index" ON "consumer" USING btree ("tenant_id","created_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "consumer_state_pk" ON "consumer_state" USING btree ("consumer_no","op");--> statement-breakpoint
CREATE INDEX "idempotency_keys_expires_at_index" ON "idempotency_keys" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "record_idx" ON "record" USING btree ("stream_no","updated_idx","source_no");--> statement-breakpoint
CREATE UNIQUE INDEX "record_no" ON "record" USING btree ("stream_no","record_no");--> statement-breakpoint
CREATE INDEX "record_tombstone" ON "record" USING btree ("stream_no","updated_idx","source_no") WHERE deleted;--> statement-breakpoint
CREATE INDEX "slices_worker_id_index" ON "slices" USING btree ("worker_id");--> statement-breakpoint
CREATE INDEX "source_stream" ON "source" USING btree ("stream_no");--> statement-breakpoint
CREATE UNIQUE INDEX "stream_head_pk" ON "stream_head" USING btree ("stream_no","last_idx");--> statement-breakpoint
CREATE INDEX "syncs_tenant_id_created_at_id_index" ON "syncs" USING btree ("tenant_id","created_at","id");--> statement-breakpoint
CREATE INDEX "syncs_credential_id_index" ON "syncs" USING btree ("credential_id");--> statement-breakpoint
CREATE INDEX "syncs_metadata_index" ON "syncs" USING gin ("metadata");--> statement-breakpoint
CREATE INDEX "syncs_deadline_at_index" ON "syncs" USING btree ("deadline_at") WHERE deleted_at is null;--> statement-breakpoint
CREATE INDEX "touched_source_no_due_at_index" ON "touched" USING btree ("source_no","due_at");