CREATE TABLE `jobs` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`id` text NOT NULL,
	`batch_id` text,
	`batch_index` integer,
	`lane` text NOT NULL,
	`priority` integer NOT NULL,
	`source_kind` text NOT NULL,
	`source_url` text,
	`blob_sha256` text,
	`blob_bytes` integer,
	`blob_name` text,
	`idempotency_key` text,
	`idempotency_fingerprint` text,
	`metadata` text,
	`callback_url` text,
	`request_id` text,
	`state` text NOT NULL,
	`generation` integer NOT NULL,
	`attempts` integer NOT NULL,
	`claim_token` text,
	`worker_id` text,
	`lease_until` integer,
	`error_code` text,
	`error_message` text,
	`error_retryable` integer,
	`sha256` text,
	`model` text,
	`engine_version` text,
	`width` integer,
	`height` integer,
	`timings` text,
	`deadline_at` integer,
	`next_attempt_at` integer,
	`created_at` integer NOT NULL,
	`queued_at` integer NOT NULL,
	`touched_at` integer NOT NULL,
	`started_at` integer,
	`finished_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `jobs_id` ON `jobs` (`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `jobs_idempotency_key` ON `jobs` (`idempotency_key`);--> statement-breakpoint
CREATE INDEX `jobs_batch` ON `jobs` (`batch_id`,`seq`);--> statement-breakpoint
CREATE INDEX `jobs_state` ON `jobs` (`state`,`seq`);--> statement-breakpoint
CREATE INDEX `jobs_finished` ON `jobs` (`finished_at`) WHERE finished_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX `jobs_blob` ON `jobs` (`blob_sha256`) WHERE blob_sha256 IS NOT NULL;--> statement-breakpoint
CREATE INDEX `jobs_deadline` ON `jobs` (`deadline_at`) WHERE deadline_at IS NOT NULL AND finished_at IS NULL;--> statement-breakpoint
CREATE INDEX `jobs_unfinished` ON `jobs` (`id`,`state`,`touched_at`,`lease_until`) WHERE finished_at IS NULL;--> statement-breakpoint
CREATE INDEX `jobs_lane` ON `jobs` (`lane`,`priority`,`queued_at`,`seq`,`next_attempt_at`) WHERE state = 'queued';--> statement-breakpoint
CREATE TABLE `leases` (
	`name` text PRIMARY KEY NOT NULL,
	`holder` text NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `lines` (
	`id` integer PRIMARY KEY NOT NULL,
	`job_seq` integer NOT NULL,
	`line_index` integer NOT NULL,
	`text` text NOT NULL,
	`confidence` real NOT NULL,
	`box` text NOT NULL,
	FOREIGN KEY (`job_seq`) REFERENCES `jobs`(`seq`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `lines_job` ON `lines` (`job_seq`,`line_index`);--> statement-breakpoint
CREATE TABLE `outbox` (
	`id` text PRIMARY KEY NOT NULL,
	`job_seq` integer NOT NULL,
	`job_id` text NOT NULL,
	`url` text NOT NULL,
	`tries` integer NOT NULL,
	`error_code` text,
	`created_at` integer NOT NULL,
	`due_at` integer NOT NULL,
	`settled_at` integer,
	FOREIGN KEY (`job_seq`) REFERENCES `jobs`(`seq`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `outbox_job` ON `outbox` (`job_seq`);--> statement-breakpoint
CREATE INDEX `outbox_due` ON `outbox` (`due_at`) WHERE settled_at IS NULL;