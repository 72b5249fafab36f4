// What the site reads from the worker and sends to it.
// Written by `python -m ops.typescript`; changes by hand are lost.
// Moments are ISO 8601 texts over HTTP and Dates in the order documents.

/** A delivered certificate: its number and the site's `zertifikat_data`. */
export interface Certificate {
  number: string | null;
  data: CertificateData;
}

/** `zertifikat_data`: prices are whole euro, texts are plain German sentences. */
export interface CertificateData {
  /** Untere Preisgrenze in ganzen Euro */
  preisVon: number;
  /** Obere Preisgrenze in ganzen Euro */
  preisBis: number;
  /** Eignung in wenigen Worten */
  haupteignung: string;
  bewertungsDetails: CertificateDetails;
}

/** The five texts of a certificate: plain German sentences, no markdown. */
export interface CertificateDetails {
  /** 2 bis 3 Sätze zu Rasse und Markt */
  rasseText: string;
  /** 2 bis 3 Sätze zur Abstammung */
  abstammungText: string;
  /** 2 bis 3 Sätze zu Ausbildung und Erfolgen */
  ausbildungText: string;
  /** 2 bis 3 Sätze zu Gesundheit und Alter */
  gesundheitText: string;
  /** 3 bis 4 Sätze mit Begründung der Preisspanne */
  fazit: string;
}

/** What a delivery writes to a document of `wertgutachten`, in one update. */
export interface CertificateResult {
  status: "fertig";
  aktualisiert: Date;
  zertifikat_data: CertificateData;
  /** `CERT-<year>-<six digits>`. */
  zertifikatNummer: string;
  /** Display name in lower case, for support only. */
  ai_model: string;
  /** The model's slug that served. */
  ai_model_version: string;
}

/** What was bought; also the first half of every job id. */
export type Kind = "valuation" | "certificate";

export interface ModelHealth {
  tier: Tier;
  status: Status;
}

/** `fallback_available`: something behind the primary is configured and not known as down. */
export interface OpenRouterHealth {
  status: Status;
  fallback_available: boolean;
  checked_at: string | null;
  models: Array<ModelHealth>;
}

/** One order as its buyer may see it. The result fields are null until it is delivered. */
export interface OrderView {
  session_id: string;
  kind: Kind;
  state: PublicState;
  stage: Stage | null;
  /** Estimate; null when unknown. */
  eta_seconds: number | null;
  /** German, ready to show. */
  message: string;
  /** Markdown; null for certificates. */
  ai_response: string | null;
  certificate: Certificate | null;
  /** For support, not for customers. */
  ai_model: string | null;
  response_time_ms: number | null;
  token_usage: TokenUsage | null;
  error: PublicError | null;
  updated_at: string | null;
}

/** A fixed word instead of an order. */
export interface Problem {
  status: string;
}

/** The error codes the front end knows. They name what to say, not what broke. */
export type PublicCode = "rate_limit_exceeded" | "model_not_available" | "insufficient_credits" | "invalid_model" | "context_length_exceeded" | "general";

/** Why it takes longer. `retry_after` in seconds; `model` is never told to customers. */
export interface PublicError {
  code: PublicCode;
  message: string;
  model: null;
  retry_after: number | null;
}

/** The job's states, and one before there is a job. */
export type PublicState = "unpaid" | "queued" | "running" | "waiting" | "answered" | "delivered" | "parked" | "cancelled";

/** The rating as it stands. `recorded`: false where the shop keeps no record of attempts. */
export interface Rated {
  session_id: string;
  rating: number;
  recorded: boolean;
}

/** What the customer thinks of the result. */
export interface Rating {
  /** 5 is best. */
  rating: number;
}

/** `missing` names what this process waits for: `mongodb`, `migrations`. */
export interface Readiness {
  status: string;
  missing: Array<string>;
}

/** How far a running job has come, in the words the result page shows. */
export type Stage = "preparing" | "analyzing" | "generating" | "finalizing";

/** `unknown`: nothing seen lately, or too little; `disabled`: not configured. */
export type Status = "healthy" | "degraded" | "unhealthy" | "unknown" | "disabled";

/** The owner's names for the stages of the chain. */
export type Tier = "primary" | "secondary" | "tertiary" | "emergency";

export interface TokenUsage {
  input_tokens: number;
  output_tokens: number;
  total_cost_usd: number;
}

/** What a delivery writes to a document of `bewertungen`, in one update. */
export interface ValuationResult {
  status: "fertig";
  aktualisiert: Date;
  /** Markdown; the text the routes call `ai_response`. */
  bewertung: string;
  /** Display name in lower case, for support only. */
  ai_model: string;
  /** The model's slug that served. */
  ai_model_version: string;
}

/** States in which nothing changes any more without a human; polling may stop. */
export type FinalState = "cancelled" | "delivered" | "parked";

/** The `data` of every event of `GET /orders/{session_id}/events`, as JSON. */
export type OrderEvent = OrderView;
