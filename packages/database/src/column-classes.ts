/**
 * What each column may hold, declared beside the schema. `column-classes.test.ts` compares this with the catalog, so a new
 * column cannot exist without a class, and a sealed one cannot be anything but bytes.
 *
 * - public: ids, instants, codes, counts, the clinic's own names and addresses
 * - contact: names of people and how to reach them; readable for search and calendar, masked in logs and by permission
 * - clinical: anything about a person's health or treatment
 * - secret: keys, tokens, answers kept for a repeated request
 */
type ColumnClass = 'public' | 'contact' | 'clinical' | 'secret';

/** How long rows are kept once they have no further use. Legal periods are configuration; these are the kinds. */
type Retention = 'business' | 'clinical' | 'audit' | 'transient';

/** Whether a patient's or an organization's export holds the table. */
type ExportClass = 'patient' | 'organization' | 'none';

type TableClasses = {
  retention: Retention;
  export: ExportClass;
  columns: Record<string, { class: ColumnClass; stored: 'plain' | 'sealed' | 'index' | 'keyed' | 'hashed' | 'wrapped' }>;
  /** Columns that, joined by `|`, are the row to which a sealed value is bound. */
  boundTo: string[];
};

const NOTATION = {
  public: { class: 'public', stored: 'plain' },
  contact: { class: 'contact', stored: 'plain' },
  sealedContact: { class: 'contact', stored: 'sealed' },
  indexOfContact: { class: 'contact', stored: 'index' },
  clinical: { class: 'clinical', stored: 'plain' },
  sealedClinical: { class: 'clinical', stored: 'sealed' },
  sealedSecret: { class: 'secret', stored: 'sealed' },
  keyedContact: { class: 'contact', stored: 'keyed' },
  keyedSecret: { class: 'secret', stored: 'keyed' },
  hashedSecret: { class: 'secret', stored: 'hashed' },
  wrappedSecret: { class: 'secret', stored: 'wrapped' },
} as const;

function table(
  retention: Retention,
  exported: ExportClass,
  columns: Partial<Record<keyof typeof NOTATION, string>>,
  boundTo = ['id'],
): TableClasses {
  const entries = Object.entries(columns).flatMap(([kind, names]) =>
    names.split(/\s+/).map((name) => [name, NOTATION[kind as keyof typeof NOTATION]] as const),
  );
  const byName = Object.fromEntries(entries);
  if (Object.keys(byName).length < entries.length) throw new Error('A column is declared once, in one class.');
  return { retention, export: exported, columns: byName, boundTo };
}

export const TABLES: Record<string, TableClasses> = {
  organization: table('business', 'organization', { public: 'id name version created_at' }),
  legal_entity: table('business', 'organization', { public: 'organization_id id name currency version created_at' }),
  location: table('business', 'organization', {
    public:
      'organization_id id legal_entity_id name time_zone slot_minutes street city region postal_code country is_active version created_at',
  }),
  staff: table('business', 'organization', {
    public: 'organization_id id job_title is_active version created_at',
    contact: 'given_name family_name',
    sealedContact: 'email_sealed',
    indexOfContact: 'email_index',
  }),
  staff_account: table('business', 'none', {
    public: 'organization_id staff_id password_changed_at totp_begun_at second_factor_since attempts attempted_at pin_set_at created_at',
    keyedContact: 'login_key',
  }),
  custom_role: table('business', 'organization', { public: 'organization_id id name permissions version created_at' }),
  staff_role: table('business', 'organization', { public: 'organization_id id staff_id role custom_role_id location_id created_at' }),
  staff_invitation: table('transient', 'none', {
    public: 'organization_id id staff_id invited_by_id delivery expires_at created_at',
    hashedSecret: 'token_hash',
  }),
  staff_secret: table(
    'business',
    'none',
    {
      public: 'organization_id staff_id password_is_long totp_last_step passkeys',
      hashedSecret: 'password_hash',
      sealedSecret: 'totp_sealed totp_pending_sealed',
    },
    ['staff_id'],
  ),
  staff_identity: table('business', 'none', {
    public: 'organization_id staff_id issuer bound_at second_factor_at',
    keyedContact: 'subject_key',
  }),
  staff_recovery_code: table('business', 'none', { public: 'organization_id staff_id', keyedSecret: 'code_key' }),
  staff_passkey: table('business', 'none', {
    public: 'organization_id id staff_id credential_id public_key counter transports is_backed_up last_used_at regressed_at created_at',
    contact: 'name',
  }),
  staff_reset: table('transient', 'none', { public: 'organization_id staff_id expires_at', hashedSecret: 'token_hash' }),
  staff_session: table('transient', 'none', {
    public: 'organization_id id staff_id device device_id idle_minutes ends_at stepped_up_at is_by_providers_factor created_at',
    hashedSecret: 'token_hash',
  }),
  staff_session_use: table('transient', 'none', { public: 'organization_id session_id seen_at pin_failures' }),
  staff_pin: table('business', 'none', { public: 'organization_id staff_id', hashedSecret: 'pin_hash' }),
  device: table('business', 'organization', {
    public: 'organization_id id location_id kind name code_expires_at created_by enrolled_at revoked_at misses missed_since created_at',
    hashedSecret: 'code_hash key_hash',
  }),
  device_use: table('transient', 'none', { public: 'organization_id device_id seen_at' }),
  api_key: table('business', 'none', {
    public: 'organization_id id name permissions location_ids is_everywhere created_by expires_at revoked_at created_at',
    hashedSecret: 'secret_hash',
  }),
  api_key_use: table('transient', 'none', { public: 'organization_id key_id seen_at' }),
  calendar_feed: table('business', 'none', {
    public: 'organization_id id provider_id name created_at revoked_at',
    hashedSecret: 'token_hash',
  }),
  check_in: table('transient', 'none', { public: 'organization_id device_id appointment_id patient_id ends_at' }),
  sign_in_guard: table('transient', 'none', { public: 'failures failed_at asked asked_since', keyedContact: 'login_key' }),
  rate_limit: table('transient', 'none', { public: 'whole_at', keyedContact: 'network_key' }),
  setup_code: table('transient', 'none', { public: 'expires_at', hashedSecret: 'code_hash' }),
  emergency_access: table('audit', 'patient', {
    public: 'organization_id id staff_id patient_id begins_at ends_at review_due_at reviewed_at reviewed_by_id outcome',
    sealedClinical: 'reason_sealed review_note_sealed',
  }),
  webauthn_challenge: table('transient', 'none', { public: 'expires_at', hashedSecret: 'challenge_hash' }),
  provider: table('business', 'organization', {
    public: 'organization_id id staff_id credential is_active version created_at',
    contact: 'display_name',
  }),
  patient: table('clinical', 'patient', {
    public: 'organization_id id is_active merged_into_id version created_at',
    contact: 'given_name family_name preferred_name given_name_key family_name_key pronouns time_zone',
    sealedContact: 'birth_date_sealed phone_sealed email_sealed address_sealed source_id_sealed',
    indexOfContact: 'birth_date_index phone_index email_index source_id_index',
    clinical: 'deceased_on',
    sealedClinical: 'note_sealed',
  }),
  patient_name_word: table('clinical', 'none', { public: 'organization_id patient_id', contact: 'word' }),
  patient_relation: table('clinical', 'patient', { public: 'organization_id patient_id related_id created_at', contact: 'kind' }),
  patient_proxy: table('clinical', 'patient', {
    public: 'organization_id id patient_id proxy_id basis starts_at ends_at revoked_at created_at',
  }),
  patient_sign_in: table('transient', 'none', {
    public: 'organization_id id channel tries used_at expires_at created_at',
    keyedContact: 'address_key',
  }),
  patient_session: table('transient', 'none', {
    public: 'organization_id id patient_id device idle_minutes ends_at created_at',
    hashedSecret: 'token_hash',
  }),
  patient_passkey: table('business', 'none', {
    public:
      'organization_id id patient_id credential_id public_key counter transports is_backed_up tried_at last_used_at regressed_at created_at',
    contact: 'name',
  }),
  patient_session_use: table('transient', 'none', { public: 'organization_id session_id seen_at' }),
  room_type: table('business', 'organization', { public: 'organization_id id name version created_at' }),
  service: table('business', 'organization', { public: 'organization_id id name category is_active version created_at' }),
  service_version: table('business', 'organization', {
    public: `organization_id id service_id effective_from effective_until duration_minutes buffer_before_minutes buffer_after_minutes room_type_id
      room_turnover_minutes created_at`,
  }),
  service_price: table('business', 'organization', {
    public: 'organization_id id service_id legal_entity_id effective_from effective_until price_cents created_at',
  }),
  provider_service: table('business', 'organization', { public: 'organization_id provider_id service_id created_at' }),
  resource: table('business', 'none', { public: 'organization_id id kind' }),
  claim: table('transient', 'none', {
    public: 'organization_id id resource_id during starts_at ends_at kind is_blocking expires_at appointment_id',
  }),
  room: table('business', 'organization', {
    public: 'organization_id id location_id room_type_id name position is_active version created_at',
  }),
  shift_rotation: table('business', 'organization', {
    public: 'organization_id id provider_id location_id weeks anchor_date effective_from effective_until version created_at',
  }),
  shift: table('business', 'organization', { public: 'organization_id id rotation_id weeks week weekday starts_at ends_at' }),
  appointment: table('clinical', 'patient', {
    public: 'organization_id id location_id patient_id status starts_at ends_at channel version created_at',
    clinical: 'cancel_reason',
  }),
  appointment_segment: table('clinical', 'patient', {
    public: 'organization_id id appointment_id position service_id service_version_id provider_id room_id starts_at ends_at',
  }),
  appointment_history: table(
    'clinical',
    'patient',
    {
      public: 'organization_id appointment_id version at actor_kind actor_id action channel status starts_at ends_at segments',
      clinical: 'reason',
      sealedClinical: 'note_sealed',
    },
    ['appointment_id', 'version'],
  ),
  message_template: table('business', 'organization', {
    public: 'organization_id id kind channel revision title body is_active created_at',
  }),
  message: table('business', 'patient', {
    public: `organization_id id key kind purpose channel patient_id location_id about_id details is_urgent is_withdrawn state reason send_after expires_at attempts
      template_id provider provider_id provider_status sending_at sent_at version created_at`,
    sealedContact: 'address_sealed',
    indexOfContact: 'address_index',
    sealedClinical: 'title_sealed body_sealed',
  }),
  // Kept as the proof of what was agreed.
  message_consent: table('audit', 'organization', {
    public: 'organization_id id channel purpose is_granted source evidence at',
    sealedContact: 'address_sealed',
    indexOfContact: 'address_index',
  }),
  message_policy: table('business', 'organization', {
    public: 'organization_id id revision quiet_from quiet_until forbidden_words created_at',
  }),
  idempotency_key: table(
    'transient',
    'none',
    {
      public: 'organization_id actor_id route key outcome created_at expires_at',
      keyedSecret: 'body_hash',
      sealedSecret: 'reply_sealed',
    },
    ['actor_id', 'route', 'key'],
  ),
  outbox_stream: table('transient', 'none', { public: 'organization_id stream_id last_sequence' }),
  outbox_event: table('transient', 'none', { public: 'organization_id stream_id sequence type subject_id payload at' }),
  // The changed columns of every table: plain ones as they are, sealed ones sealed.
  audit_log: table('audit', 'none', {
    public: 'organization_id id at actor_kind actor_id request_id action table_name row_id operation xact reason',
    clinical: 'before after',
  }),
  access_log: table('audit', 'none', { public: 'organization_id id at actor_kind actor_id request_id action patient_ids xact reason' }),
  audit_seal: table('audit', 'none', {
    public: 'organization_id log sequence from_xact to_xact row_count total_rows rows_hash contents_hash previous_root root sealed_at',
  }),
  health_probe: table('transient', 'none', { public: 'id at' }),
  data_key: table('audit', 'none', { public: 'organization_id key_id usable_from destroyed_at created_at' }),
  data_key_secret: table('business', 'none', { public: 'organization_id key_id wrapped_by sealings', wrappedSecret: 'wrapped_key' }),
};
