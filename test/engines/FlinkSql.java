import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatterBuilder;
import java.time.temporal.ChronoField;
import java.math.BigDecimal;
import java.net.URI;
import java.util.HexFormat;
import java.util.List;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.DeploymentOptions;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ArrayNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.TimestampType;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

/**
 * Runs statements of Flink SQL in a cluster of this process: java FlinkSql.java PLAN.json
 *
 * A step of the plan has a statement, settings that stay for the next ones, and, when its rows are wanted, the file for
 * them. That file is NDJSON: an array
 * for each change of the result, its kind first (+I, -U, +U, -D) and then one exact text for each column: binary and
 * the bits of floats in hexadecimal, all else as MySQL prints it. A failed step does not keep the next from running.
 */
public final class FlinkSql {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] args) throws Exception {
        endWithParent();
        JsonNode plan = JSON.readTree(Path.of(args[0]).toFile());
        Configuration settings = new Configuration();
        plan.get("settings").properties().forEach(entry -> settings.setString(entry.getKey(), entry.getValue().asText()));
        cluster(settings);
        TableEnvironment flink =
                TableEnvironment.create(EnvironmentSettings.newInstance().inStreamingMode().withConfiguration(settings).build());
        ArrayNode results = JSON.createArrayNode();
        for (JsonNode step : plan.get("steps")) {
            long start = System.nanoTime();
            ObjectNode result = results.addObject();
            try {
                run(flink, step);
                result.putNull("error");
            } catch (Exception error) {
                result.put("error", describe(error));
            }
            result.put("seconds", (System.nanoTime() - start) / 1e9);
        }
        JSON.writeValue(Path.of(plan.get("results").asText()).toFile(), results);
        // Threads of the cluster would keep the process for a while.
        System.exit(0);
    }

    /** One for all steps, which would otherwise make one each. */
    private static void cluster(Configuration settings) throws Exception {
        settings.set(RestOptions.BIND_ADDRESS, "127.0.0.1");
        settings.set(RestOptions.BIND_PORT, "0");
        MiniClusterConfiguration configuration =
                new MiniClusterConfiguration.Builder().setConfiguration(settings).setNumSlotsPerTaskManager(4).build();
        MiniCluster cluster = new MiniCluster(configuration);
        cluster.start();
        URI address = cluster.getRestAddress().get();
        settings.set(DeploymentOptions.TARGET, "remote");
        settings.set(RestOptions.ADDRESS, address.getHost());
        settings.set(RestOptions.PORT, address.getPort());
    }

    private static void run(TableEnvironment flink, JsonNode step) throws Exception {
        JsonNode settings = step.get("settings");
        settings.properties().forEach(entry -> flink.getConfig().set(entry.getKey(), entry.getValue().asText()));
        TableResult result = flink.executeSql(step.get("sql").asText());
        JsonNode file = step.get("rows");
        if (file == null || file.isNull()) return;
        List<LogicalType> types =
                result.getResolvedSchema().getColumnDataTypes().stream().map(DataType::getLogicalType).toList();
        try (CloseableIterator<Row> rows = result.collect();
                PrintWriter out = new PrintWriter(Files.newBufferedWriter(Path.of(file.asText()), StandardCharsets.UTF_8))) {
            while (rows.hasNext()) {
                Row row = rows.next();
                ArrayNode line = JSON.createArrayNode().add(row.getKind().shortString());
                for (int i = 0; i < row.getArity(); i++) line.add(text(row.getField(i), types.get(i)));
                out.println(line);
            }
        }
    }

    private static String text(Object value, LogicalType type) {
        if (value == null) return null;
        if (value instanceof Float number) return "%08x".formatted(Float.floatToRawIntBits(number));
        if (value instanceof Double number) return "%016x".formatted(Double.doubleToRawLongBits(number));
        if (value instanceof BigDecimal number) return number.toPlainString();
        if (value instanceof byte[] bytes) return HexFormat.of().formatHex(bytes);
        if (value instanceof LocalDateTime time) return timeText(time, ((TimestampType) type).getPrecision());
        if (value instanceof Instant time) return String.valueOf(time.toEpochMilli());
        if (value instanceof Number || value instanceof LocalDate || value instanceof String) return value.toString();
        throw new IllegalArgumentException("a value of " + value.getClass() + " has no text here");
    }

    private static String timeText(LocalDateTime time, int digits) {
        DateTimeFormatterBuilder format = new DateTimeFormatterBuilder().appendPattern("uuuu-MM-dd HH:mm:ss");
        if (digits > 0) format.appendFraction(ChronoField.NANO_OF_SECOND, digits, digits, true);
        return format.toFormatter().format(time);
    }

    /** Flink wraps what went wrong many times; the innermost messages are what tells. */
    private static String describe(Throwable error) {
        StringBuilder text = new StringBuilder();
        for (Throwable cause = error; cause != null; cause = cause.getCause())
            text.append(text.isEmpty() ? "" : "\n<= ").append(cause);
        return text.toString();
    }

    /** The pipe to stdin ends when the process that started this one does, even by a kill. */
    private static void endWithParent() {
        Thread watch = new Thread(() -> {
            try {
                while (System.in.read() >= 0) {}
            } catch (IOException error) {
                // It is gone all the same.
            }
            Runtime.getRuntime().halt(70);
        });
        watch.setDaemon(true);
        watch.start();
    }
}
