CREATE TABLE "finding" (
	"source_no" integer NOT NULL,
	"upstream_id" text NOT NULL,
	"generation" integer NOT NULL,
	"kind" text NOT NULL,
	"found_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "finding_source_no_upstream_id_pk" PRIMARY KEY("source_no","upstream_id")
);
--> statement-breakpoint
ALTER TABLE "source" ADD COLUMN "looked" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "source" ADD COLUMN "look_every_ms" bigint;--> statement-breakpoint
ALTER TABLE "syncs" ADD COLUMN "nudged_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD COLUMN "upstream_id" text;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD COLUMN "ready" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD COLUMN "last_received_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "finding" ADD CONSTRAINT "finding_source_no_source_source_no_fk" FOREIGN KEY ("source_no") REFERENCES "public"."source"("source_no") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "webhook_endpoints_credential_id_index" ON "webhook_endpoints" USING btree ("credential_id");