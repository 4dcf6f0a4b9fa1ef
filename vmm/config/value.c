// SPDX-License-Identifier: GPL-2.0
/*
 * The forms that a value of vm.toml can have: how each is read, checked and written back.
 *
 * Called by schema.c through struct schema_kind, on the thread that loads the configuration; no
 * locks. A setter may trust the TOML type tag and nothing else. It either fills the field or
 * fails; what it has put into the field belongs to zvm_config_free().
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schema.h"

#define PRINTABLE_MAX 48 /* how much of a wrong value a message repeats */

/* "reason; write key = example", at the value. */
static int fail(const struct schema_slot *slot, const struct zvm_toml_value *v, const char *reason)
{
	return schema_fail_at(slot->cfg, slot->err, v->line, v->column, slot->name,
			      "%s; write %s = %s", reason, slot->key->name, slot->key->example);
}

static int wrong_type(const struct schema_slot *slot, const struct zvm_toml_value *v,
		      const char *expected)
{
	char reason[128];

	snprintf(reason, sizeof(reason), "expected %s, found %s", expected,
		 zvm_toml_type_name(v->type));
	return fail(slot, v, reason);
}

/* The string without surprises: no U+0000, no control characters, length in min..max. */
static int check_string(const struct schema_slot *slot, const struct zvm_toml_value *v)
{
	char reason[128];
	size_t i;

	if (v->type != ZVM_TOML_STRING)
		return wrong_type(slot, v, "a string");
	for (i = 0; i < v->string.len; i++) {
		if (!iscntrl((unsigned char)v->string.bytes[i]))
			continue;
		snprintf(reason, sizeof(reason), "control character 0x%02x in byte %zu",
			 v->string.bytes[i], i + 1);
		return fail(slot, v, reason);
	}
	if (v->string.len < slot->key->min)
		return fail(slot, v, "the string is empty");
	if (v->string.len > slot->key->max)
		return schema_fail_at(slot->cfg, slot->err, v->line, v->column, slot->name,
				      "%zu bytes, at most %" PRIu64 " are possible; shorten it",
				      v->string.len, slot->key->max);
	return 0;
}

static int set_string(const struct schema_slot *slot, const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		return schema_no_memory(slot->cfg, slot->err);
	*(char **)slot->field = copy;
	return 0;
}

static int set_text(const struct schema_slot *slot, const struct zvm_toml_value *v)
{
	int ret = check_string(slot, v);

	return ret ? ret : set_string(slot, v->string.bytes);
}

static int set_name(const struct schema_slot *slot, const struct zvm_toml_value *v)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";
	char reason[128];
	int ret = check_string(slot, v);
	size_t good;

	if (ret)
		return ret;
	good = strspn(v->string.bytes, allowed);
	if (good != v->string.len) {
		snprintf(reason, sizeof(reason),
			 "byte %zu is none of A-Z a-z 0-9 . _ -, which is all a name may have",
			 good + 1);
		return fail(slot, v, reason);
	}
	if (v->string.bytes[0] == '.' || v->string.bytes[0] == '-')
		return fail(slot, v, "a name begins with a letter, a digit or _");
	return set_string(slot, v->string.bytes);
}

static int set_serial(const struct schema_slot *slot, const struct zvm_toml_value *v)
{
	int ret = check_string(slot, v);
	size_t i;

	for (i = 0; !ret && i < v->string.len; i++)
		if ((unsigned char)v->string.bytes[i] >= 0x80)
			ret = fail(slot, v, "a serial number has only ASCII characters");
	return ret ? ret : set_string(slot, v->string.bytes);
}

/* A relative path counts from the directory that holds the TOML file. */
static int set_path(const struct schema_slot *slot, const struct zvm_toml_value *v)
{
	const char *file = slot->cfg->file, *slash = strrchr(file, '/');
	int ret = check_string(slot, v);
	char *path;

	if (ret)
		return ret;
	if (!strncmp(v->string.bytes, "~/", 2))
		return fail(slot, v, "~ is not expanded, name the whole path");
	if (v->string.bytes[0] == '/' || !slash)
		return set_string(slot, v->string.bytes);
	if (asprintf(&path, "%.*s/%s", (int)(slash - file), file, v->string.bytes) < 0)
		return schema_no_memory(slot->cfg, slot->err);
	if (strlen(path) >= PATH_MAX) {
		free(path);
		return fail(slot, v, "the path is too long");
	}
	*(char **)slot->field = path;
	return 0;
}

const char *schema_format_size(uint64_t bytes, char buf[32])
{
	static const char unit[] = "KMGT";
	int i;

	for (i = 3; i >= 0; i--) {
		if (bytes && bytes % (1ULL << (10 * (i + 1))) == 0) {
			snprintf(buf, 32, "%" PRIu64 "%c", bytes >> (10 * (i + 1)), unit[i]);
			return buf;
		}
	}
	snprintf(buf, 32, "0x%" PRIx64, bytes);
	return buf;
}

/* A number without a unit: what was probably meant. */
static int no_unit(const struct schema_slot *slot, const struct zvm_toml_value *v,
		   const char *written, uint64_t n)
{
	char size[32];

	if (slot->key->kind == &schema_address)
		snprintf(size, sizeof(size), "0x%" PRIx64, n);
	else if (n < 65536)
		snprintf(size, sizeof(size), "%" PRIu64 "M", n);
	else
		schema_format_size(n, size);
	return schema_fail_at(slot->cfg, slot->err, v->line, v->column, slot->name,
			      "%s %s; write \"%s\"", written,
			      slot->key->kind == &schema_address
				      ? "is not an address, which is a string in hex"
				      : "has no unit",
			      size);
}

/*
 * Digits and one of K M G T, also in lower case and with iB behind, or 0x and hex digits.
 * 0, -EINVAL: not a number, -ERANGE: more than 64 bits, -ENODATA: decimal without a unit.
 */
static int parse_size(const char *s, uint64_t *out)
{
	static const char units[] = "kmgt";
	unsigned int shift;
	const char *unit;
	char *end;

	if (!isdigit((unsigned char)s[0]))
		return -EINVAL;
	errno = 0;
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		if (!isxdigit((unsigned char)s[2]))
			return -EINVAL;
		*out = strtoull(s, &end, 16);
		return errno ? -ERANGE : *end ? -EINVAL : 0;
	}
	*out = strtoull(s, &end, 10);
	if (errno)
		return -ERANGE;
	if (!*end)
		return -ENODATA;
	unit = strchr(units, tolower((unsigned char)*end));
	if (!unit || (end[1] && strcmp(end + 1, "iB")))
		return -EINVAL;
	shift = 10 * (unit - units + 1);
	if (*out > UINT64_MAX >> shift)
		return -ERANGE;
	*out <<= shift;
	return 0;
}

static int set_size(const struct schema_slot *slot, const struct zvm_toml_value *v)
{
	char written[PRINTABLE_MAX + 8], reason[160];
	uint64_t n;
	int ret;

	if (v->type == ZVM_TOML_INTEGER && v->integer >= 0) {
		snprintf(written, sizeof(written), "%" PRId64, v->integer);
		return no_unit(slot, v, written, v->integer);
	}
	ret = check_string(slot, v);
	if (ret)
		return ret;
	snprintf(written, sizeof(written), "\"%.*s\"", PRINTABLE_MAX, v->string.bytes);
	ret = parse_size(v->string.bytes, &n);
	if (ret == -ENODATA)
		return no_unit(slot, v, written, n);
	if (ret == -EINVAL) {
		snprintf(reason, sizeof(reason),
			 "%s is not a whole number with K, M, G or T, nor hex", written);
		return fail(slot, v, reason);
	}
	if (ret == -ERANGE) {
		snprintf(reason, sizeof(reason), "%s does not fit into 64 bits", written);
		return fail(slot, v, reason);
	}
	*(uint64_t *)slot->field = n;
	return 0;
}

static int set_number(const struct schema_slot *slot, const struct zvm_toml_value *v)
{
	const struct schema_key *key = slot->key;

	if (v->type != ZVM_TOML_INTEGER)
		return wrong_type(slot, v, "an integer");
	if (v->integer < (int64_t)key->min || v->integer > (int64_t)key->max)
		return schema_fail_at(slot->cfg, slot->err, v->line, v->column, slot->name,
				      "%" PRId64 " is out of range; write a number from %" PRIu64
				      " to %" PRIu64,
				      v->integer, key->min, key->max);
	*(unsigned int *)slot->field = v->integer;
	return 0;
}

static int set_boolean(const struct schema_slot *slot, const struct zvm_toml_value *v)
{
	if (v->type != ZVM_TOML_BOOLEAN)
		return wrong_type(slot, v, "true or false");
	*(bool *)slot->field = v->boolean;
	return 0;
}

static int set_choice(const struct schema_slot *slot, const struct zvm_toml_value *v)
{
	const char *const *choice = slot->key->choices;
	unsigned int i;

	if (v->type != ZVM_TOML_STRING)
		return schema_fail_at(slot->cfg, slot->err, v->line, v->column, slot->name,
				      "expected a string, found %s; write one of %s",
				      zvm_toml_type_name(v->type), slot->key->range);
	for (i = 0; choice[i]; i++) {
		if (strlen(choice[i]) == v->string.len &&
		    !memcmp(choice[i], v->string.bytes, v->string.len)) {
			*(unsigned int *)slot->field = i;
			return 0;
		}
	}
	return schema_fail_at(slot->cfg, slot->err, v->line, v->column, slot->name,
			      "\"%.*s\" is not possible; write one of %s", PRINTABLE_MAX,
			      v->string.bytes, slot->key->range);
}

static int compare_cpu(const void *a, const void *b)
{
	unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;

	return (x > y) - (x < y);
}

static int set_cpus(const struct schema_slot *slot, const struct zvm_toml_value *v,
		    struct zvm_config_cpus *cpus)
{
	size_t nr = v->type == ZVM_TOML_ARRAY ? v->array.nr : 1, i;
	const struct zvm_toml_value *cpu;

	if (v->type != ZVM_TOML_ARRAY && v->type != ZVM_TOML_INTEGER)
		return wrong_type(slot, v, "a CPU number or an array of them");
	if (!nr)
		return 0;
	if (nr > CPU_SETSIZE)
		return fail(slot, v, "more CPUs than a host can have");
	cpus->cpu = calloc(nr, sizeof(*cpus->cpu));
	if (!cpus->cpu)
		return schema_no_memory(slot->cfg, slot->err);
	for (i = 0; i < nr; i++) {
		cpu = v->type == ZVM_TOML_ARRAY ? v->array.item[i] : v;
		if (cpu->type != ZVM_TOML_INTEGER)
			return wrong_type(slot, cpu, "a CPU number");
		if (cpu->integer < 0 || cpu->integer >= CPU_SETSIZE)
			return fail(slot, cpu, "there is no such CPU");
		cpus->cpu[i] = cpu->integer;
	}
	qsort(cpus->cpu, nr, sizeof(*cpus->cpu), compare_cpu);
	for (i = 0; i < nr; i++)
		if (!i || cpus->cpu[i] != cpus->cpu[i - 1])
			cpus->cpu[cpus->nr++] = cpus->cpu[i];
	return 0;
}

/* One entry per vCPU; rules.c compares their number with vcpus. */
static int set_affinity(const struct schema_slot *slot, const struct zvm_toml_value *v)
{
	struct zvm_config_cpus *cpus = slot->field;
	size_t i;
	int ret;

	if (v->type != ZVM_TOML_ARRAY)
		return wrong_type(slot, v, "an array");
	if (v->array.nr > ZVM_CONFIG_MAX_VCPUS)
		return fail(slot, v, "more entries than a VM can have vCPUs");
	for (i = 0; i < v->array.nr; i++) {
		ret = set_cpus(slot, v->array.item[i], &cpus[i]);
		if (ret)
			return ret;
	}
	return 0;
}

/* Days from 1970-01-01; the year begins in March so that the leap day is its last. */
static int64_t days_from_epoch(int year, int month, int day)
{
	int64_t y = year - (month <= 2), m = month <= 2 ? month + 9 : month - 3;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static int set_clock(const struct schema_slot *slot, const struct zvm_toml_value *v)
{
	const struct zvm_toml_datetime *t = &v->datetime;
	struct zvm_config_rtc *rtc = slot->field;
	int64_t epoch;
	int ret;

	switch (v->type) {
	case ZVM_TOML_STRING:
		ret = check_string(slot, v);
		if (ret)
			return ret;
		if (!strcmp(v->string.bytes, "utc"))
			rtc->base = ZVM_RTC_UTC;
		else if (!strcmp(v->string.bytes, "localtime"))
			rtc->base = ZVM_RTC_LOCALTIME;
		else
			return schema_fail_at(slot->cfg, slot->err, v->line, v->column, slot->name,
					      "\"%.*s\" is not possible; write one of %s",
					      PRINTABLE_MAX, v->string.bytes, slot->key->range);
		return 0;
	case ZVM_TOML_OFFSET_DATETIME:
		if (t->year < 1969) /* keeps the sum below positive where it matters */
			return fail(slot, v, "the clock begins in 1970");
		epoch = ((days_from_epoch(t->year, t->month, t->day) * 24 + t->hour) * 60 +
			 t->minute - t->offset) *
				60 +
			t->second;
		if (epoch < 0 || epoch > UINT32_MAX)
			return fail(slot, v, "the clock goes from 1970 to 2106");
		rtc->base = ZVM_RTC_FIXED;
		rtc->epoch = epoch;
		return 0;
	case ZVM_TOML_LOCAL_DATETIME:
	case ZVM_TOML_LOCAL_DATE:
		return fail(slot, v, "a date and a time with Z or an offset are needed");
	default:
		return wrong_type(slot, v, "a string or a date");
	}
}

void zvm_config_print_string(const char *s, FILE *to)
{
	fputc('"', to);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', to);
		fputc(*s, to);
	}
	fputc('"', to);
}

static void print_string(const struct schema_key *key, const void *field, FILE *to)
{
	(void)key;
	zvm_config_print_string(*(char *const *)field, to);
}

static void print_size(const struct schema_key *key, const void *field, FILE *to)
{
	char buf[32];

	if (key->kind == &schema_address)
		fprintf(to, "\"0x%" PRIx64 "\"", *(const uint64_t *)field);
	else
		fprintf(to, "\"%s\"", schema_format_size(*(const uint64_t *)field, buf));
}

static void print_number(const struct schema_key *key, const void *field, FILE *to)
{
	(void)key;
	fprintf(to, "%u", *(const unsigned int *)field);
}

static void print_boolean(const struct schema_key *key, const void *field, FILE *to)
{
	(void)key;
	fputs(*(const bool *)field ? "true" : "false", to);
}

static void print_choice(const struct schema_key *key, const void *field, FILE *to)
{
	zvm_config_print_string(key->choices[*(const unsigned int *)field], to);
}

static void print_affinity(const struct schema_key *key, const void *field, FILE *to)
{
	const struct zvm_config_cpus *cpus = field;
	size_t vcpu, i, nr = ZVM_CONFIG_MAX_VCPUS;

	(void)key;
	while (nr && !cpus[nr - 1].nr)
		nr--;
	fputc('[', to);
	for (vcpu = 0; vcpu < nr; vcpu++) {
		fputs(vcpu ? ", [" : "[", to);
		for (i = 0; i < cpus[vcpu].nr; i++)
			fprintf(to, "%s%u", i ? ", " : "", cpus[vcpu].cpu[i]);
		fputc(']', to);
	}
	fputc(']', to);
}

static void print_clock(const struct schema_key *key, const void *field, FILE *to)
{
	const struct zvm_config_rtc *rtc = field;
	time_t epoch = rtc->epoch;
	char text[32];
	struct tm tm;

	(void)key;
	if (rtc->base == ZVM_RTC_FIXED) {
		gmtime_r(&epoch, &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
		fputs(text, to);
	} else {
		zvm_config_print_string(rtc->base == ZVM_RTC_UTC ? "utc" : "localtime", to);
	}
}

const struct schema_kind schema_name = { "string", set_name, print_string };
const struct schema_kind schema_text = { "string", set_text, print_string };
const struct schema_kind schema_serial = { "string", set_serial, print_string };
const struct schema_kind schema_path = { "path", set_path, print_string };
const struct schema_kind schema_size = { "size", set_size, print_size };
const struct schema_kind schema_address = { "address", set_size, print_size };
const struct schema_kind schema_number = { "integer", set_number, print_number };
const struct schema_kind schema_boolean = { "boolean", set_boolean, print_boolean };
const struct schema_kind schema_choice = { "string", set_choice, print_choice };
const struct schema_kind schema_affinity = { "array", set_affinity, print_affinity };
const struct schema_kind schema_clock = { "string or date-time", set_clock, print_clock };
