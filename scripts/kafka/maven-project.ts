import { projectText, type Artifact } from "../maven-jars.ts";

/** All versions are pinned here; what these packages need is pinned by themselves. */
export const KAFKA_VERSION = "4.3.1";
/** Kafka logs through SLF4J 1.7, and leaves the choice of what is behind it to its users. */
const LOG4J_VERSION = "2.25.4";

// The console tools are packed with those of Kafka Connect, whose libraries nobody here needs.
const CONNECT = ["connect-api", "connect-json", "connect-runtime"];

const ARTIFACTS: readonly Artifact[] = [
  { group: "org.apache.kafka", name: "kafka_2.13", version: KAFKA_VERSION },
  { group: "org.apache.kafka", name: "kafka-tools", version: KAFKA_VERSION, without: CONNECT },
  { group: "org.apache.logging.log4j", name: "log4j-slf4j-impl", version: LOG4J_VERSION },
];

/** Names a set of jars, so that other pins are another installation. */
export const JARS_NAME = `${KAFKA_VERSION}-log4j-${LOG4J_VERSION}`;

/** A Maven project whose dependencies are a Kafka broker and its tools. */
export const kafkaProject = (): string => projectText("kafka", ARTIFACTS);
