import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.*;
import java.util.UUID;
import org.junit.jupiter.api.extension.*;

/** A sandbox of the dossiers API for each test method. Copy this file into your tests. */
final class DossiersSandbox implements BeforeEachCallback, AfterEachCallback {
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private static final ObjectMapper JSON = new ObjectMapper();
    private static String server; // one for all tests of the run
    private String name;

    String baseUrl() { return server + "/api/v1"; }
    String authUrl() { return server; }
    String username() { return "api+" + name + "@example.com"; } // selects the sandbox: the client needs nothing else
    String password() { return "demo"; }

    /** A control call: {@code control("POST", "/clock/advance", "{'by': 'PT1S'}")}. Single quotes are read as double ones. */
    JsonNode control(String method, String path, String body) throws IOException, InterruptedException {
        var request = HttpRequest.newBuilder(URI.create(server + "/__admin" + path)).header("X-Mock-Sandbox", name)
                .method(method, HttpRequest.BodyPublishers.ofString(body.replace('\'', '"'))).build();
        var answer = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() >= 300) throw new AssertionError(method + " /__admin" + path + ": " + answer.body());
        return JSON.readTree(answer.body());
    }

    @Override
    public void beforeEach(ExtensionContext context) throws IOException {
        if (server == null) server = serverUrl();
        name = "java-" + UUID.randomUUID();
    }

    @Override
    public void afterEach(ExtensionContext context) throws IOException, InterruptedException {
        if (context.getExecutionException().isPresent()) explain();
        control("DELETE", "/sandboxes/" + name, "");
    }

    /** Print what the client sent, and why it was refused: for a test that failed. */
    private void explain() throws IOException, InterruptedException {
        for (var each : control("GET", "/requests", "").get("requests")) {
            var sent = control("GET", "/requests/" + each.get("number"), "");
            var why = String.join(" ", sent.get("why").findValuesAsText("sentence"));
            System.err.println(String.join(" ", each.get("number").asText(), sent.get("method").asText(),
                    sent.get("path").asText(), sent.get("body").toString(), "->", sent.get("status").asText(), why));
        }
    }

    /** The base URL of the server: a running one, such as a container, or a process that starts now. */
    private static String serverUrl() throws IOException {
        var running = System.getenv("DOSSIERS_SANDBOX_URL");
        if (running != null && !running.isEmpty()) return running.replaceFirst("/$", "");
        var command = new ProcessBuilder("mock-server", "serve", "--port", "0", "--log-level", "warning");
        var process = command.redirectError(ProcessBuilder.Redirect.INHERIT).start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroy));
        var line = process.inputReader().readLine(); // mock-server ready on http://127.0.0.1:41234 (dashboard: …
        if (line == null) throw new IOException("mock-server did not start; its log is above");
        return line.split(" ")[3];
    }
}
