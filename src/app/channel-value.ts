/** The kinds of values that only a channel has; they are as those of `config-value.ts`. */
import { z } from "zod";
import { jwtClaims, tokenEndpointProblem } from "../channel/kafka/oauth-token.ts";
import { formatAddress } from "../util/address.ts";
import { nearest } from "../util/nearest.ts";
import { parseBroker, type BrokerAddress } from "./broker-address.ts";
import {
  holdsReference,
  plainText,
  referableText,
  report,
  secret,
  type ValueContext,
} from "./config-value.ts";
import {
  isReference,
  resolveReference,
  type ReferenceProblem,
  type SecretReader,
} from "./secret-reference.ts";

/** A list of brokers, or one text with commas; each text may be a reference. */
export const brokerList = (context: ValueContext) =>
  z.union([z.string(), z.array(z.string()).min(1)]).transform((given, issues): readonly BrokerAddress[] => {
    const brokers = new Map<string, BrokerAddress>();
    const problems = textsOf(given).flatMap(({ text, path }) =>
      addBrokers(brokers, text, context.reader).map((problem) => ({ ...problem, path })),
    );
    for (const { code, message, path } of problems) {
      issues.addIssue({ code: "custom", message, path, params: { code } });
    }
    return problems.length === 0 ? [...brokers.values()] : z.NEVER;
  });

const textsOf = (given: string | readonly string[]) =>
  typeof given === "string" ? [{ text: given, path: [] }] : given.map((text, i) => ({ text, path: [i] }));

/** Adds the addresses of one text to those that are known; gives what is wrong with them. */
function addBrokers(
  known: Map<string, BrokerAddress>,
  text: string,
  reader: SecretReader,
): readonly ReferenceProblem[] {
  let list = text;
  if (holdsReference(text)) {
    if (!isReference(text)) return [{ code: "CONFIG_INVALID", message: "must be one reference or none" }];
    const resolved = resolveReference(text, reader);
    if (!resolved.ok) return [resolved.problem];
    list = resolved.value;
  }
  const entries = list.split(",").map((entry) => entry.trim());
  const held = list === text ? "" : `what \`${text}\` holds `;
  return entries.flatMap((entry, i) => {
    const name = entries.length === 1 ? held : `entry ${i + 1} ${held === "" ? "" : `of ${held}`}`;
    const problem = addBroker(known, entry);
    return problem === null ? [] : [{ code: "CONFIG_INVALID", message: name + problem }];
  });
}

function addBroker(known: Map<string, BrokerAddress>, entry: string): string | null {
  const result = parseBroker(entry);
  if (!result.ok) return result.message;
  const address = formatAddress(result.broker).toLowerCase();
  if (known.has(address)) return "is in the list already";
  known.set(address, result.broker);
  return null;
}

const NAME_LENGTH_MAX = 249;

/** A template of topic names. Of `variables`, those that are `required` keep two tables out of one topic. */
export const topicTemplate = (variables: readonly string[], required: readonly string[]) =>
  plainText().transform((text, issues) => {
    const inBraces = (names: readonly string[]): string => listed(names.map((name) => `{${name}}`));
    const used = [...text.matchAll(/\{([^{}]*)\}/g)].map(([, name = ""]) => name);
    const problems: string[] = [];
    for (const name of new Set(used)) {
      if (variables.includes(name)) continue;
      const meant = nearest(name, variables);
      problems.push(
        `holds \`{${name}}\`, which has no meaning; ${meant === null ? `known here: ${inBraces(variables)}` : `did you mean \`{${meant}}\`?`}`,
      );
    }
    const missing = required.filter((name) => !used.includes(name));
    if (missing.length > 0) {
      problems.push(`must hold ${inBraces(missing)}, or two tables could share a topic`);
    }
    const literal = text.replace(/\{[^{}]*\}/g, "");
    if (!/^[a-zA-Z0-9._-]*$/.test(literal)) {
      problems.push(`must be letters, digits, dots, dashes and underscores beside ${inBraces(variables)}`);
    }
    if (literal.length > NAME_LENGTH_MAX) {
      problems.push(`must be shorter: the name of a topic has at most ${NAME_LENGTH_MAX} characters`);
    }
    for (const problem of problems) report(issues, problem);
    return problems.length === 0 ? text : z.NEVER;
  });

const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1) ?? ""}`;

/** Address of an OAuth server that gives tokens for a client's secret. */
export const tokenEndpoint = (context: ValueContext) =>
  referableText(context).transform((text, issues) => {
    const problem = tokenEndpointProblem(text);
    return problem === null ? text : report(issues, problem);
  });

/** A token that is read from the config and never renewed. When it ends stands in it. */
export const bearerToken = (context: ValueContext, literal: string) =>
  secret(context, literal).transform((token, issues) => {
    const claims = jwtClaims(token.reveal());
    if (claims === null) return report(issues, "must be a JWT, which has three parts with dots between them");
    if (claims.expiresAtMs === null) return report(issues, "must be a JWT that says when it ends (`exp`)");
    return token;
  });
