CREATE TABLE "jobs" (
	"seq" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "jobs_seq_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"id" text COLLATE "C" NOT NULL,
	"batch_id" text COLLATE "C",
	"batch_index" integer,
	"lane" text NOT NULL,
	"priority" integer NOT NULL,
	"source_kind" text NOT NULL,
	"source_url" text,
	"blob_sha256" text,
	"blob_bytes" bigint,
	"blob_name" text,
	"idempotency_key" text,
	"idempotency_fingerprint" text,
	"metadata" text,
	"callback_url" text,
	"request_id" text,
	"state" text NOT NULL,
	"generation" integer NOT NULL,
	"attempts" integer NOT NULL,
	"claim_token" text,
	"worker_id" text,
	"lease_until" bigint,
	"error_code" text,
	"error_message" text,
	"error_retryable" integer,
	"sha256" text,
	"model" text,
	"engine_version" text,
	"width" integer,
	"height" integer,
	"timings" text,
	"deadline_at" bigint,
	"next_attempt_at" bigint,
	"created_at" bigint NOT NULL,
	"queued_at" bigint NOT NULL,
	"touched_at" bigint NOT NULL,
	"started_at" bigint,
	"finished_at" bigint
);
--> statement-breakpoint
CREATE TABLE "leases" (
	"name" text PRIMARY KEY NOT NULL,
	"holder" text NOT NULL,
	"expires_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "lines" (
	"job_seq" bigint NOT NULL,
	"line_index" integer NOT NULL,
	"text" text NOT NULL,
	"confidence" double precision NOT NULL,
	"box" text NOT NULL,
	"words" "tsvector" NOT NULL,
	CONSTRAINT "lines_job_seq_line_index_pk" PRIMARY KEY("job_seq","line_index")
);
--> statement-breakpoint
CREATE TABLE "outbox" (
	"id" text PRIMARY KEY NOT NULL,
	"job_seq" bigint NOT NULL,
	"job_id" text COLLATE "C" NOT NULL,
	"url" text NOT NULL,
	"tries" integer NOT NULL,
	"error_code" text,
	"created_at" bigint NOT NULL,
	"due_at" bigint NOT NULL,
	"settled_at" bigint
);
--> statement-breakpoint
ALTER TABLE "lines" ADD CONSTRAINT "lines_job_seq_jobs_seq_fk" FOREIGN KEY ("job_seq") REFERENCES "jobs"("seq") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "outbox" ADD CONSTRAINT "outbox_job_seq_jobs_seq_fk" FOREIGN KEY ("job_seq") REFERENCES "jobs"("seq") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "jobs_id" ON "jobs" USING btree ("id");--> statement-breakpoint
CREATE UNIQUE INDEX "jobs_idempotency_key" ON "jobs" USING btree ("idempotency_key");--> statement-breakpoint
CREATE INDEX "jobs_batch" ON "jobs" USING btree ("batch_id","seq");--> statement-breakpoint
CREATE INDEX "jobs_state" ON "jobs" USING btree ("state","seq");--> statement-breakpoint
CREATE INDEX "jobs_finished" ON "jobs" USING btree ("finished_at") WHERE finished_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX "jobs_blob" ON "jobs" USING btree ("blob_sha256") WHERE blob_sha256 IS NOT NULL;--> statement-breakpoint
CREATE INDEX "jobs_deadline" ON "jobs" USING btree ("deadline_at") WHERE deadline_at IS NOT NULL AND finished_at IS NULL;--> statement-breakpoint
CREATE INDEX "jobs_unfinished" ON "jobs" USING btree ("id","state","touched_at","lease_until") WHERE finished_at IS NULL;--> statement-breakpoint
CREATE INDEX "jobs_lane" ON "jobs" USING btree ("lane","priority","queued_at","seq","next_attempt_at") WHERE state = 'queued';--> statement-breakpoint
CREATE INDEX "lines_words" ON "lines" USING gin ("words");--> statement-breakpoint
CREATE INDEX "outbox_job" ON "outbox" USING btree ("job_seq");--> statement-breakpoint
CREATE INDEX "outbox_due" ON "outbox" USING btree ("due_at") WHERE settled_at IS NULL;