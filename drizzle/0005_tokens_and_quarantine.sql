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
ALTER TABLE "quarantine" ALTER COLUMN "raw" SET DATA TYPE text;--> statement-breakpoint
ALTER TABLE "credentials" ADD COLUMN "facts" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD COLUMN "missed_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "quarantine" ADD COLUMN "named" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "quarantine" ADD COLUMN "raw_bytes" integer;--> statement-breakpoint
ALTER TABLE "quarantine" ADD COLUMN "observed_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL;--> statement-breakpoint
ALTER TABLE "quarantine" ADD COLUMN "since" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "oauth_tokens" ADD CONSTRAINT "oauth_tokens_credential_id_credentials_id_fk" FOREIGN KEY ("credential_id") REFERENCES "public"."credentials"("id") ON DELETE cascade ON UPDATE no action;