CREATE TABLE "oauth_tokens" (
	"credential_id" uuid PRIMARY KEY NOT NULL,
	"ciphertext" "bytea",
	"key_id" text,
	"version" bigint DEFAULT 0 NOT NULL,
	"expires_at" timestamp with time zone,
	"lease" uuid,
	"lease_until" timestamp with time zone,
	"attempted_at" timestamp with time zone,
	"uncertain_at" timestamp with time zone,
	"refused_of" text,
	"refused_reason" text,
	"refused_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "finding" (
	"source_no" integer NOT NULL,
	"upstream_id" text NOT NULL,
	"generation" integer NOT NULL,
	"kind" text NOT NULL,
	"found_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "finding_source_no_upstream_id_pk" PRIMARY KEY("source_no","upstream_id")
);
--> statement-breakpoint
ALTER TABLE "quarantine" ALTER COLUMN "raw" SET DATA TYPE text;--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "facts" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "quarantine" ADD COLUMN "named" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "quarantine" ADD COLUMN "raw_bytes" integer;--> statement-breakpoint
ALTER TABLE "quarantine" ADD COLUMN "observed_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL;--> statement-breakpoint
ALTER TABLE "quarantine" ADD COLUMN "since" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "source" ADD COLUMN "looked" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "source" ADD COLUMN "look_every_ms" bigint;--> statement-breakpoint
ALTER TABLE "syncs" ADD COLUMN "nudged_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD COLUMN "upstream_id" text;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD COLUMN "ready" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD COLUMN "last_received_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD COLUMN "missed_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "oauth_tokens" ADD CONSTRAINT "oauth_tokens_credential_id_credentials_id_fk" FOREIGN KEY ("credential_id") REFERENCES "public"."credentials"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "finding" ADD CONSTRAINT "finding_source_no_source_source_no_fk" FOREIGN KEY ("source_no") REFERENCES "public"."source"("source_no") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "webhook_endpoints_credential_id_index" ON "webhook_endpoints" USING btree ("credential_id");